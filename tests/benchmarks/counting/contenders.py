"""One way of counting over one file, in a process of its own: what counting_speed.py starts.

Prints a JSON object: lines, counted, keys, `seconds` of CPU of the whole process, `call` of the counting alone,
`peak_mb` of memory. Run: python tests/benchmarks/counting/contenders.py CONTENDER FILE
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

ROOT = Path(__file__).resolve().parents[3]
_HOUR_US, _HOUR_MS = 3_600_000_000, 3_600_000
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}")
_KINDS = {"decisioning.propositionDisplay": 0, "decisioning.propositionInteract": 1}


Found = tuple[int, int, int]
"""Lines, lines counted, keys."""
Contender = Callable[[Path], Found]


def ours() -> Contender:
    """Everything that the engine does besides included."""
    sys.path.insert(0, str(ROOT / "shared"))
    from offer_ranking.counting.engine import count_object  # noqa: PLC0415 - the others do not pay for it

    def count(path: Path) -> Found:
        delta = count_object(path).delta
        return delta.accounting.received, delta.accounting.counted, len(delta.counts)

    return count


def orjson_standard_gzip() -> Contender:
    return _orjson(gzip.open)


def orjson_isal() -> Contender:
    from isal import igzip  # noqa: PLC0415

    return _orjson(igzip.open)


def _orjson(opened: Callable[[Path], Any]) -> Contender:
    import orjson  # noqa: PLC0415

    def count(path: Path) -> Found:
        with opened(path) as lines:
            return _orjson_loop(lines, orjson.loads)

    return count


def _orjson_loop(lines: BinaryIO, loads: Callable[[bytes], Any]) -> Found:
    """The same loop written out for orjson, for the one spelling that these files have: the same work a line.

    Parse, decide (type, dry run, trust, fallback, time), walk to the same fields, hash the identity, count by key.
    """
    seen: set[bytes] = set()
    keys: Counter[tuple[Any, ...]] = Counter()
    received = counted = 0
    md5 = hashlib.md5
    for line in lines:
        received += 1
        event = loads(line)
        decisioning = event["_experience"]["decisioning"]
        marks = [name for name, mark in (decisioning.get("propositionEventType") or {}).items() if mark == 1]
        kind = {"display": 0, "interact": 1}.get(marks[0]) if len(marks) == 1 else _KINDS.get(event["eventType"])
        stamp = event.get("offerRanking") or {}
        if kind is None or stamp.get("trust") == "untrusted" or stamp.get("capped") is True:
            continue
        if (event.get("data") or {}).get("__adobe", {}).get("ajo", {}).get("dryRun") is True:
            continue
        at = _microseconds(event["timestamp"])
        fresh = False
        for proposition in decisioning.get("propositions") or decisioning.get("proposition") or ():
            details = proposition.get("scopeDetails") or {}
            strategies = details.get("strategies") or ()
            if any(strategy.get("step") == "fallback" for strategy in strategies):
                continue
            strategy = next((one for one in strategies if one.get("step") == "aiModel" and one.get("strategyID")), {})
            traits = details.get("characteristics") or {}
            token, issued = traits.get("eventToken") or "", traits.get("issuedAt")
            shown = _microseconds(issued) if issued else int(proposition["id"][:13].replace("-", ""), 16) * 1000
            signed = _TOKEN.fullmatch(token) is not None
            for position, item in enumerate(proposition["items"], 1):
                offer = item["id"]
                text = f"t{kind}{len(token)}:{token}{offer}" if signed else f"i{at}:{event['_id']}"
                key = md5(text.encode()).digest()[:8]
                if key in seen:
                    continue
                seen.add(key)
                fresh = True
                hour = (min(shown, at) if kind else at) // _HOUR_US
                keys[
                    hour, offer, item.get("etag", ""), strategy.get("strategyID", ""), strategy.get("trafficType", ""),
                    traits.get("cell", ""), kind, position if position <= 30 else 0, at // _HOUR_US - hour,
                ] += 1  # fmt: skip
        counted += fresh
    return received, counted, len(keys)


def _microseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


_PROPOSITIONS = "_experience.decisioning.propositions"
_NEEDED = {
    # no aggregate that a file's statistics would answer
    "duckdb-nested": (
        "sum(strlen(_id))", "sum(epoch(timestamp))", "sum(strlen(eventType))", f"sum(len({_PROPOSITIONS}))"
    ),
    "duckdb-flat": (
        *(f"sum(strlen({name}))" for name in ("id", "eventType", "offerId", "offerEtag", "modelId", "trafficType")),
        *(f"sum(strlen({name}))" for name in ("cell", "issuedAt", "eventToken", "propositionId")),
        "sum(epoch(timestamp))", "sum(position)",
    ),
}  # fmt: skip


def duckdb_read(name: str) -> Contender:
    """Read the needed columns and look at each value's length: no less can be asked of a reader."""
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect(config={"threads": 1})

    def read(path: Path) -> Found:
        row = connection.execute(f"SELECT count(*), {', '.join(_NEEDED[name])} FROM '{path}'").fetchone()  # noqa: S608
        return (row or (0,))[0], 0, 0

    return read


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "ours": ours,
    "orjson-standard-gzip": orjson_standard_gzip,
    "orjson-isal": orjson_isal,
    "duckdb-nested": lambda: duckdb_read("duckdb-nested"),
    "duckdb-flat": lambda: duckdb_read("duckdb-flat"),
}


def peak_megabytes() -> float:
    """Peak of this process's memory; unlike getrusage's, without what its parent had when it forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    count, path = CONTENDERS[sys.argv[1]](), Path(sys.argv[2])
    start = time.process_time()
    lines, counted, keys = count(path)
    end = time.process_time()
    found = {"lines": lines, "counted": counted, "keys": keys, "seconds": end, "call": end - start}
    print(json.dumps(found | {"peak_mb": round(peak_megabytes(), 1)}))


if __name__ == "__main__":
    main()
