"""`python -m tests.simulation.memory`: requests of every kind for minutes, and what this process holds meanwhile.

The handlers of the doors that stay busy, over AWS in the process. Visitors, offers, cells and seeds are new with every
request, as they are in the world: what is remembered of them must have an end.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from moto.backends import get_backend

from tests.support.aws import in_process, set_environment
from tests.support.decisions import offer_body

LARGEST_GROWTH = 0.02
_WARM = 0.3  # of the time, until all that is remembered is as large as it gets
_SAMPLES = 20


def requests(system: Any, door: Any, decision: dict[str, Any]) -> Iterator[Callable[[], int]]:
    """Requests by turns; each gives the status of its answer."""
    from tests.support.door import query  # noqa: PLC0415 - the handlers read the environment

    chance, path = random.Random(1), f"/models/{door.model['id']}/rankings"
    pair = {f"xdm:{name}": decision[name] for name in ("activityId", "placementId")}

    def offers() -> list[dict[str, Any]]:
        return [{"id": f"offer {n}"} for n in chance.sample(range(100_000), 20)]

    def ranking() -> int:
        return system.call("POST", path, {"offers": offers(), "profileId": str(chance.random())}).status

    def batch() -> int:
        return system.call("POST", f"{path}/batch", {"requests": [{"offers": offers()}] * 5}).status

    def hub() -> int:
        profile = {"xdm:identityMap": {"ECID": [{"xdm:id": str(chance.randrange(10**37, 10**38))}]}}
        body = {"xdm:propositionRequests": [pair], "xdm:profiles": [profile]}
        return system.call("POST", "/data/core/ods/decisions", body).status

    def page() -> int:
        return door.interact(query(decision["name"]) | {"query": {"identity": {"fetch": ["ECID"]}}}).status

    def unknown() -> int:
        missing = system.call("POST", f"/models/{chance.random()}/rankings", {"offers": offers()}).status
        return 200 if missing == 404 else missing

    def read() -> int:
        return system.call("GET", f"/models/{door.model['id']}").status

    yield from itertools.cycle((ranking, batch, hub, page, unknown, read))


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(seconds: float) -> tuple[int, list[int]]:
    """How many requests there were, and what the process held, in bytes, at even moments after it was warm."""
    from tests.support.door import a_door  # noqa: PLC0415 - the handlers read the environment
    from tests.support.system import System, display  # noqa: PLC0415

    with in_process():
        system = System()
        door = a_door(system, offers=[offer_body(f"offer {n}") for n in range(20)])
        dataset = system.call("GET", "/datasets").json["results"][0]
        decision = system.call("GET", "/decisions").json["results"][0]
        system.land(dataset, "a.json", [display(f"offer {n}") for n in range(20)] * 20)
        asked, held, times = requests(system, door, decision), [], 0
        began = time.monotonic()
        samples = (began + seconds * (_WARM + (1 - _WARM) * n / _SAMPLES) for n in range(_SAMPLES + 1))
        for at in samples:
            while time.monotonic() < at:
                assert next(asked)() == 200
                times += 1
                if times % 1000 == 0:  # what stands in for AWS and for the stream is no part of the functions
                    door.collector.events.clear()
                    door.collector.sources.clear()
                    get_backend("dynamodb")["123456789012"]["us-east-1"].tables["Caps"].items.clear()
            gc.collect()
            held.append(resident())
        return times, held


def growth(held: list[int]) -> float:
    """From the mean of the first quarter of the samples to that of the last, as a part."""
    part = max(1, len(held) // 4)
    return sum(held[-part:]) / sum(held[:part]) - 1


def main() -> int:
    """0 when memory is flat."""
    parser = argparse.ArgumentParser(prog="tests.simulation.memory", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    os.environ |= {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
    set_environment()
    times, held = run(60 * given.minutes)
    found = growth(held)
    megabytes = f"{held[0] / 2**20:.1f} MB warm, {held[-1] / 2**20:.1f} MB at the end"
    print(
        f"{times:,} requests in {given.minutes:g} minutes: {megabytes}, growth {found:.2%}, bound {LARGEST_GROWTH:.0%}"
    )
    return int(found >= LARGEST_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
