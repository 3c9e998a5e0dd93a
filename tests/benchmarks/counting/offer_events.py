"""Made-up events for measuring: about 1.5 kB each as a browser's SDK sends them, or lean ones of some 300 bytes.

One seed, one world, to the byte. Offers are drawn with the skew of a real shop, one event in ten is an interact with an
earlier display, and some lines come twice. Written as JSON lines (gzip, zstd), and from those as Parquet by DuckDB.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

START_MS = 1_764_021_600_000  # 2025-11-24T22:00:00Z
SPAN_MS = 2 * 3_600_000  # of one object: what a collector gathers, and a little that came late
DUPLICATES = 0.005
INTERACTS = 0.1
_RECENT = 4_096  # displays among which an interact finds its own
_B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{0}.0.{1}.{2} Safari",
    "Mozilla/5.0 (Linux; Android 16; SM-S93{2}B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{0}.0.{1} Mobile Safari",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.{2}",
)
_PAGES = ("home", "outdoor-and-garden", "product/4711-lamp", "search?q=summer%20shoes", "basket")
_CELLS = tuple(
    f"country={country}|device={device}"
    for country in ("DE", "FR", "IT", "US")
    for device in ("desktop", "mobile", "tablet")
)
_MODELS = ("019aa0c1-52d3-7b1e-9c42-6f0d5a3b7e11", "019aa0c4-9b11-7f0a-8d57-21c9e4a6b3f2")


class _Shown(NamedTuple):
    """What an interact repeats of its display."""

    issued_ms: int
    proposition: str
    offer: str
    model: str
    traffic: str
    cell: str
    token: str


@dataclass(frozen=True, slots=True)
class World:
    """How many offers there are, from which seed, and whether events are lean."""

    seed: int = 20_251_124
    offers: int = 200
    lean: bool = False

    def lines(
        self,
        events: int,
        *,
        start_ms: int = START_MS,
        span_ms: int = SPAN_MS,
        part: int = 0,
        duplicates: float = DUPLICATES,
    ) -> Iterator[str]:
        """So many lines, duplicates included, without their newlines, in the order of their times."""
        rng = random.Random(f"{self.seed} {part}")
        write = _lean if self.lean else _full
        shares = list(itertools.accumulate(1 / (rank + 8) for rank in range(self.offers)))
        recent: list[_Shown] = []
        before: list[str] = []
        for number in range(events):
            if before and rng.random() < duplicates:
                yield rng.choice(before)
                continue
            time_ms = start_ms + number * span_ms // events
            if recent and rng.random() < INTERACTS:
                shown, kind = recent.pop(rng.randrange(len(recent))), "interact"
            else:
                shown, kind = _shown(rng, time_ms, shares), "display"
                _keep(rng, recent, shown)
            line = write(rng, time_ms, kind, shown)
            _keep(rng, before, line)
            yield line


def _keep(rng: random.Random, kept: list[Any], one: object) -> None:
    if len(kept) < _RECENT:
        kept.append(one)
    else:
        kept[rng.randrange(_RECENT)] = one


def _shown(rng: random.Random, time_ms: int, shares: list[float]) -> _Shown:
    issued = time_ms - rng.randrange(50, 2_000)
    proposition = _uuid(rng, issued)
    (rank,) = rng.choices(range(len(shares)), cum_weights=shares)
    offer = f"dps:personalized-offer:{(rank + 1) * 0x9E3779B97F4A7C15 & (1 << 64) - 1:016x}"
    model = _MODELS[rng.random() < 0.3]
    traffic = "random" if rng.random() < 0.1 else "model"
    cell = rng.choice(_CELLS)
    payload = (
        f'[2,"k7","{proposition}",{issued},"{model}",42,"{traffic}","{cell}","","",["{offer}"],[{rng.random():.9f}],1]'
    )
    token = f"{base64.urlsafe_b64encode(payload.encode()).decode().rstrip('=')}.{_letters(rng, 22)}"
    return _Shown(issued, proposition, offer, model, traffic, cell, token)


def _full(rng: random.Random, time_ms: int, kind: str, shown: _Shown) -> str:
    visitor, noise, width = rng.getrandbits(126), rng.getrandbits(64), rng.randrange(360, 2560)
    page, click = rng.choice(_PAGES), _letters(rng, 22)
    agent = _AGENTS[width % 3].format(120 + noise % 25, noise % 8191, noise % 241)
    clicked = ',"propositionAction":{"id":"cta-1","label":"Buy now"}' if kind == "interact" else ""
    return (
        f'{{"_id":"{_uuid(rng, time_ms)}","timestamp":"{_text(time_ms)}",'
        f'"eventType":"decisioning.proposition{kind.capitalize()}",'
        f'"identityMap":{{"ECID":[{{"id":"{visitor:038d}","authenticatedState":"ambiguous"}}]}},'
        f'"web":{{"webPageDetails":{{"URL":"https://shop.example/{page}?gclid={click}"}}}},'
        f'"device":{{"screenWidth":{width}}},'
        f'"environment":{{"ipV4":"{noise >> 56}.{noise >> 48 & 255}.{noise >> 40 & 255}.1",'
        f'"browserDetails":{{"userAgent":"{agent}","viewportHeight":{noise % 1500}}}}},'
        f'"_experience":{{"decisioning":{{"propositionEventType":{{"{kind}":1}}{clicked},"propositions":[{{'
        f'"id":"{shown.proposition}","scope":"web://shop.example/home#hero","scopeDetails":{{'
        f'"decisionProvider":"EXD","correlationID":"{shown.proposition}",'
        f'"strategies":[{{"step":"aiModel","strategyID":"{shown.model}","algorithmID":"thompson",'
        f'"trafficType":"{shown.traffic}"}}],'
        f'"characteristics":{{"snapshotVersion":"42","cell":"{shown.cell}","issuedAt":"{_text(shown.issued_ms)}",'
        f'"eventToken":"{shown.token}"}}}},"items":[{{"id":"{shown.offer}"}}]}}]}}}},'
        f'"implementationDetails":{{"name":"https://ns.adobe.com/experience/alloy","version":"2.30.0"}}}}'
    )


def _lean(rng: random.Random, time_ms: int, kind: str, shown: _Shown) -> str:
    """Half of them with a token of ours and no id, half with an id and no token."""
    signed = shown.issued_ms % 2
    token = f'"issuedAt":{shown.issued_ms},"eventToken":"{shown.proposition[:13]}.{shown.token[-22:]}"'
    name = "" if signed else f'"_id":"{_uuid(rng, time_ms)}",'
    return (
        f'{{{name}"timestamp":"{_text(time_ms)}","eventType":"decisioning.proposition{kind.capitalize()}",'
        f'"_experience":{{"decisioning":{{"propositions":[{{"id":"{shown.proposition}","scopeDetails":{{'
        f'"characteristics":{{{token if signed else ""}}}}},"items":[{{"id":"{shown.offer}"}}]}}]}}}}}}'
    )


def _uuid(rng: random.Random, time_ms: int) -> str:
    noise = rng.getrandbits(74)
    low = noise & (1 << 62) - 1 | 1 << 63
    return f"{time_ms >> 16:08x}-{time_ms & 0xFFFF:04x}-7{noise >> 62:03x}-{low >> 48:04x}-{low & (1 << 48) - 1:012x}"


def _letters(rng: random.Random, length: int) -> str:
    bits = rng.getrandbits(6 * length)
    return "".join([_B64[bits >> 6 * place & 63] for place in range(length)])


def _text(time_ms: int) -> str:
    seconds, fraction = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:03}Z"


def write_gzip(lines: Iterator[str], target: Path, *, level: int = 6) -> Path:
    with gzip.GzipFile(target, "wb", level, mtime=0) as archive:
        _write(lines, archive)
    return target


def write_zstd(lines: Iterator[str], target: Path) -> Path:
    with zstd.open(target, "wb") as archive:
        _write(lines, archive)
    return target


def _write(lines: Iterator[str], target: object) -> None:
    while some := list(itertools.islice(lines, 1_000)):
        target.write(("\n".join(some) + "\n").encode())  # type: ignore[attr-defined]


# Named, since DuckDB would detect other types than the events of a real export have.
NESTED = {
    "_id": "VARCHAR",
    "timestamp": "TIMESTAMPTZ",
    "eventType": "VARCHAR",
    "identityMap": "MAP(VARCHAR, STRUCT(id VARCHAR, authenticatedState VARCHAR)[])",
    "web": "STRUCT(webPageDetails STRUCT(URL VARCHAR))",
    "device": "STRUCT(screenWidth BIGINT)",
    "environment": "STRUCT(ipV4 VARCHAR, browserDetails STRUCT(userAgent VARCHAR, "
    "viewportHeight BIGINT))",
    "_experience": "STRUCT(decisioning STRUCT(propositionEventType STRUCT(display BIGINT, interact BIGINT), "
    "propositionAction STRUCT(id VARCHAR, label VARCHAR), propositions STRUCT(id VARCHAR, scope VARCHAR, "
    "scopeDetails STRUCT(decisionProvider VARCHAR, correlationID VARCHAR, strategies STRUCT(step VARCHAR, "
    "strategyID VARCHAR, algorithmID VARCHAR, trafficType VARCHAR)[], characteristics STRUCT(snapshotVersion VARCHAR, "
    "cell VARCHAR, issuedAt VARCHAR, eventToken VARCHAR)), items STRUCT(id VARCHAR)[])[]))",
    "implementationDetails": "STRUCT(name VARCHAR, version VARCHAR)",
}  # fmt: skip
_PROPOSITION = "_experience.decisioning.propositions[1]"
_STRATEGY, _TRAITS = (f"{_PROPOSITION}.scopeDetails.{part}" for part in ("strategies[1]", "characteristics"))
_FLAT = f"""_id AS id, timestamp, if(eventType LIKE '%Display', 'display', 'interact') AS eventType,
  {_PROPOSITION}.items[1].id AS offerId, '' AS offerEtag, {_STRATEGY}.strategyID AS modelId,
  {_STRATEGY}.trafficType AS trafficType, {_TRAITS}.cell AS cell, {_TRAITS}.issuedAt AS issuedAt,
  {_TRAITS}.eventToken AS eventToken, {_PROPOSITION}.id AS propositionId, 1 AS position,
  web, device, environment, implementationDetails"""


def write_parquet(lines: Path, target: Path, *, flat: bool = False) -> Path:
    """The events of a gzip file of JSON lines as Parquet, nested as XDM is or flat, the rest of each event kept."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in NESTED.items())
    with duckdb.connect(config={"threads": 1, "memory_limit": "4GB"}) as connection:
        connection.execute(
            f"COPY (SELECT {_FLAT if flat else '*'} FROM read_json('{lines}', format = 'newline_delimited', "  # noqa: S608
            f"columns = {{{columns}}})) TO '{target}' (FORMAT parquet)"
        )
    return target
