"""`python -m tests.simulation.restored`: many environments from one image of a process that has only been imported.

That is what Lambda's SnapStart restores. Here each is forked from one process, with the state that CPython would seed
anew after a fork put back as the image had it. What each then makes at random must be nobody else's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from offer_ranking.learning import training
from offer_ranking.ranking import ranking
from offer_ranking.storage import transaction
from tests.support.aws import in_process, set_environment

OFFERS = ("summer", "autumn", "winter")


@contextlib.contextmanager
def image() -> Iterator[Callable[[], dict[str, str]]]:
    """A process at the end of its start: nobody has asked it anything. Gives its first answers."""
    from tests.support.door import a_door, query  # noqa: PLC0415 - the handlers read the environment
    from tests.support.system import System, display  # noqa: PLC0415

    with in_process():
        system = System()
        training.LEAST_BETWEEN_FITS = timedelta(0)
        door = a_door(system)
        dataset = system.call("GET", "/datasets").json["results"][0]
        decision = system.call("GET", "/decisions").json["results"][0]
        system.land(dataset, "a.json", [display(offer) for offer in OFFERS * 20])
        path = f"/models/{door.model['id']}/rankings"
        asked = {f"xdm:{name}": decision[name] for name in ("activityId", "placementId")}
        profile = {"xdm:identityMap": {"ECID": [{"xdm:id": "1" * 38}]}}
        scope = query(decision["name"])

        def first() -> dict[str, str]:
            """What an environment makes of its first requests: ids, seeds, draws."""
            hub = {"xdm:propositionRequests": [asked], "xdm:profiles": [profile]}
            found: dict[str, Any] = {}
            one = system.call("POST", path, {"offers": [{"id": offer} for offer in OFFERS]}).json
            found["seed"], found["ranking"] = one["seed"], one["rankingId"]
            found["proposition"] = one["proposition"]["id"]
            answer = system.call("POST", "/data/core/ods/decisions", hub).json
            found["decision"] = answer["xdm:propositionId"]
            found["draws"] = ranking._stream().bit_generator.state["state"]
            page = door.interact(scope | {"query": {"identity": {"fetch": ["ECID"]}}}).json
            handles = {one["type"]: one["payload"] for one in page["handle"]}
            found |= {"page": handles["personalization:decisions"], "visitor": handles["identity:result"]}
            found["request"] = door.interact(scope, query={"configId": door.datastream["id"]}).json["requestId"]
            found["pauses"] = [transaction.pause(9) for _ in range(3)]
            found["model"] = system.call("POST", f"/models/{door.model['id']}/duplicate", {"name": "copy"}).json["id"]
            return {name: json.dumps(value) for name, value in found.items()}

        yield first


def restore(first: Callable[[], dict[str, str]], environments: int) -> dict[str, Counter[str]]:
    """How often each thing was made, by what it is."""
    made: dict[str, Counter[str]] = {}
    python = random.getstate()
    for _ in range(environments):
        for name, value in _restored(first, python).items():
            made.setdefault(name, Counter())[value] += 1
    return made


def _restored(first: Callable[[], dict[str, str]], python: Any) -> dict[str, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - until the process ends
            random.setstate(python)
            with open(writing, "w") as told:  # noqa: PTH123
                json.dump(first(), told)
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as told:  # noqa: PTH123
        text = told.read()
    os.waitpid(child, 0)
    return dict(json.loads(text))


def main() -> int:
    """0 when nothing was made twice."""
    parser = argparse.ArgumentParser(prog="tests.simulation.restored", description=__doc__)
    parser.add_argument("--environments", type=int, default=1000)
    given = parser.parse_args()
    os.environ |= {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
    set_environment()
    with image() as first:
        made = restore(first, given.environments)
    equal = {name: sum(times - 1 for times in values.values()) for name, values in made.items()}
    print(f"{given.environments:,} environments of one image, equal ones:", json.dumps(equal))
    return int(any(equal.values()))


if __name__ == "__main__":
    sys.exit(main())
