"""CPU time of the door's answer to each class of hostile bodies, on its routes: none may take more than 100 ms.

The heaviest events that a request can hold go through all that collects; the others' collector only takes them.

The fastest of three calls of each, since others use the machine too. Run: python -m tests.benchmarks.hostile_cost
"""

from __future__ import annotations

import json
import os
import sys
import time

from tests.support.aws import in_process, set_environment

TIMES = 3


def main() -> int:
    os.environ |= {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
    set_environment()
    from tests.functions.test_edge_hostile import MILLISECONDS, REFUSED, ROUTES, TAKEN  # noqa: PLC0415 - handlers read the environment
    from tests.functions.test_hostile_objects import HEAVY, a_collecting_door, shown  # noqa: PLC0415
    from tests.support.door import Door, a_door  # noqa: PLC0415
    from tests.support.system import System  # noqa: PLC0415

    sent = {name: text for name, (text, _) in REFUSED.items()} | dict(TAKEN)
    took: dict[tuple[str, str], float] = {}

    def measure(door: Door, path: str, name: str, body: object) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        fastest = float("inf")
        for _ in range(TIMES):
            start = time.process_time()
            door.call(path, text)
            fastest = min(fastest, time.process_time() - start)
        took[path, name] = 1000 * fastest

    with in_process():
        door = a_collecting_door(System())
        proposition = shown(door)
        for name, made in HEAVY.items():
            measure(door, "/v1/collect", name, made(proposition))
    with in_process():
        door = a_door(System())
        for path in ROUTES:
            for name, body in sent.items():
                measure(door, path, name, body)
    slowest = sorted(took, key=lambda one: -took[one])[:5]
    print(f"{len(sent)} classes on {len(ROUTES)} routes, {len(HEAVY)} on one; CPU milliseconds, the slowest:")
    for path, name in slowest:
        print(f"| {path} | {name} | {took[path, name]:.1f} |")
    return int(took[slowest[0]] > MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main())
