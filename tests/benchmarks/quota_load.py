"""One caller at twenty times its quota beside others, and a crowd at three times what the machine does, over loopback.

The real local server answers in this process; who asks are processes of their own, each over connections that stay.
Requests go out by the clock, however long answers take, and an answer's time runs from when its request was due.
Needs the emulator (`make demo` makes it). Run: python tests/benchmarks/quota_load.py
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]

from infra.local.emulator import executable  # noqa: E402 - the path above comes first
from infra.local.system import System, running  # noqa: E402
from offer_ranking.ranking.quota import WINDOW_SECONDS  # noqa: E402

QUOTA = 2  # rankings a second
GREEDY = 20 * QUOTA
OTHERS, OTHERS_A_SECOND = 20, 25.0
PROCESSES = 3
CROWD = 200  # clients of the overload, none of which comes to its quota
LARGEST_RATIO, RECOVERS_IN = 1.2, 5.0
_SCHEMA = "experience-event-proposition-interactions"
_LEAD = 0.3  # seconds from the order to begin until it begins
_QUIET = 2.0  # seconds after an overload and before a measurement


@dataclass(frozen=True)
class Load:
    """Who asks what, how often, and for how long. `at`: monotonic seconds at which it begins, on one machine."""

    url: str
    path: str
    body: str
    tokens: tuple[str, ...]
    a_second: float
    seconds: float
    connections: int
    at: float


@dataclass(frozen=True)
class Answer:
    """`due` is when it was to be sent, from the beginning; `took` from then until the answer was there; seconds."""

    due: float
    took: float
    status: int
    says_when: bool


def ask(load: Load) -> list[Answer]:
    """In a process of its own."""
    address = urlsplit(load.url)
    numbers, found = itertools.count(), []

    def one_connection() -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        while (due := (n := next(numbers)) / load.a_second) < load.seconds:
            time.sleep(max(0.0, load.at + due - time.monotonic()))
            headers = {
                "Authorization": f"Bearer {load.tokens[n % len(load.tokens)]}",
                "Content-Type": "application/json",
            }
            connection.request("POST", load.path, load.body, headers)
            answer = connection.getresponse()
            answer.read()
            took = time.monotonic() - load.at - due
            found.append(Answer(due, took, answer.status, answer.getheader("Retry-After") is not None))
        connection.close()

    threads = [threading.Thread(target=one_connection) for _ in range(load.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@dataclass
class Bench:
    """A live model of the local server, and who may ask it."""

    system: System
    processes: ProcessPoolExecutor
    path: str

    def load(self, clients: Sequence[str], a_second: float, seconds: float, connections: int = 16) -> Future[Any]:
        """Ask by the clock, soon."""
        body = json.dumps({"offers": [{"id": f"offer {n}"} for n in range(30)]})
        tokens = tuple(self._token(client) for client in clients)
        url, at = self.system.url, time.monotonic() + _LEAD
        return self.processes.submit(ask, Load(url, self.path, body, tokens, a_second, seconds, connections, at))

    def _token(self, client: str) -> str:
        issuer = self.system.issuer
        scope = " ".join(issuer.clients["ranker"].scopes)
        return issuer.sign(issuer._claims(client, client, 3600) | {"version": 2, "scope": scope})


@contextmanager
def bench() -> Iterator[Bench]:
    """The local server with a quota, and a model to ask."""
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(PROCESSES, get_context("spawn")) as processes:
        folder, parameters = Path(name), {"RankingsPerSecondPerClient": str(QUOTA)}
        with (
            (folder / "functions.log").open("w") as log,
            running(folder=folder, log=log, parameters=parameters) as system,
        ):
            admin = http.client.HTTPConnection("127.0.0.1", urlsplit(system.url).port)
            token = system.issuer.machine_token("admin")

            def post(path: str, body: Any = None) -> Any:
                headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                admin.request("POST", path, json.dumps(body) if body else None, headers)
                return json.loads(admin.getresponse().read())

            dataset = post("/datasets", {"name": "load", "schema": _SCHEMA})["id"]
            model = {"name": "load", "type": "auto-optimization", "datasetIds": [dataset]}
            model_id = post("/models", model)["id"]
            post(f"/models/{model_id}/activate")
            yield Bench(system, processes, f"/models/{model_id}/rankings")


def p(share: float, answers: Sequence[Answer]) -> float:
    """This quantile of how long answers took, in milliseconds."""
    took = sorted(answer.took for answer in answers)
    return 1000 * took[min(len(took) - 1, int(share * len(took)))]


def beside(bench: Bench, rounds: int, seconds: float) -> bool:
    """The others without and with somebody who asks for twenty times its quota, in turns."""
    others = [f"other {n}" for n in range(OTHERS)]
    pairs: list[tuple[list[Answer], list[Answer]]] = []
    greedy: list[Answer] = []
    for _ in range(rounds):
        alone = bench.load(others, OTHERS_A_SECOND, seconds).result()
        noisy = bench.load(["greedy"], GREEDY, seconds)
        pairs.append((alone, bench.load(others, OTHERS_A_SECOND, seconds).result()))
        greedy += noisy.result()
    ratio = statistics.median(p(0.99, shared) / p(0.99, alone) for alone, shared in pairs)
    answers = [[one for pair in pairs for one in pair[place]] for place in range(2)]
    statuses = Counter(one.status for some in answers for one in some)
    most = round(rounds * (seconds + WINDOW_SECONDS) * QUOTA)  # a turn begins somewhere in a window
    ranked, is_told = sum(one.status == 200 for one in greedy), _are_throttled(greedy)
    print(f"{len(greedy):,} requests of one client at {GREEDY} a second, {rounds} turns of {seconds:.0f} s:")
    print(f"  {ranked:,} ranked, where windows admit {most:,} at most; else 429 with Retry-After: {is_told}")
    print(f"requests of {OTHERS} others, {OTHERS_A_SECOND:.0f} a second, by status: {dict(statuses)}")
    for share in (0.5, 0.99):
        alone, shared = (p(share, some) for some in answers)
        print(f"  p{100 * share:.0f} alone {alone:.1f} ms, beside it {shared:.1f} ms")
    is_held = ratio <= LARGEST_RATIO
    print(f"  ratio of p99, median of turns {ratio:.2f}, bound {LARGEST_RATIO}: {'held' if is_held else 'missed'}")
    return is_held and set(statuses) == {200} and is_told


def overload(bench: Bench, seconds: float) -> bool:
    """Three times what the server can do; then a little again."""
    crowd = [f"one of many {n}" for n in range(CROWD)]
    capacity = _capacity(bench, crowd)
    before = bench.load(crowd, 10, seconds, 4).result()
    time.sleep(_QUIET)
    loads = [bench.load(crowd[half::2], 1.5 * capacity, seconds, 100) for half in range(2)]
    during = [answer for load in loads for answer in load.result()]
    late = max(answer.due + answer.took for answer in during) - seconds  # what was still waiting then
    after = bench.load(crowd, 10, 10, 4).result()
    slow = [one.due for one in after if one.status != 200 or 1000 * one.took > 2 * p(0.99, before)]
    recovered = max(0.0, late) + (max(slow) if slow else 0.0)
    statuses = Counter(one.status for one in during)
    print(f"{len(during):,} requests at {3 * capacity:.0f} a second, three times {capacity:.0f}: {dict(statuses)}")
    print(f"  only 429 with Retry-After besides 200: {_are_throttled(during)}")
    print(f"  as before again after {recovered:.1f} s, bound {RECOVERS_IN:.0f}")
    return _are_throttled(during) and recovered <= RECOVERS_IN


def _capacity(bench: Bench, crowd: Sequence[str]) -> float:
    """Rankings a second when as many are asked for as are answered."""
    found = bench.load(crowd, 10_000, 0.05, 8).result()  # 500 that are due at once, by eight connections
    return len(found) / max(one.due + one.took for one in found)


def _are_throttled(answers: Sequence[Answer]) -> bool:
    return all(one.status == 200 or (one.status == 429 and one.says_when) for one in answers)


def main() -> int:
    """1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each turn")
    given = parser.parse_args()
    if not executable().exists():
        print(f"Not measured: there is no emulator at {executable()}.")
        return 0
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    with bench() as ready:
        for warm in [ready.load([f"warm {n}"], 5, 2) for n in range(PROCESSES)]:
            warm.result()
        held = [beside(ready, given.rounds, given.seconds), overload(ready, given.seconds)]
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
