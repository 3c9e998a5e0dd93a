"""Objects that no one can read, at every place among others: only they are set aside, each with its reason."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from backports import zstd

from offer_ranking.counting import entries, object_file
from tests.support.parquet_files import XDM, copied, parquet
from tests.support.system import System, display

GOOD = 2  # objects beside the bad one
EVENTS = 5  # displays in each of them
AT = datetime(2026, 11, 24, 22, 5, 12, 613789, UTC)
MORE_DAYS_THAN_COUNTED = 4_001


def lines(*events: Mapping[str, Any] | bytes) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in events)


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def overwritten(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + b"\xff" * 40 + data[middle + 40 :]


def zipped(data: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("events.json", data)
    return archive.getvalue()


def checked_zstd(data: bytes) -> bytes:
    """With a checksum, without which other bytes may pass for good ones."""
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


def events(count: int = 200) -> list[dict[str, Any]]:
    """The same events in every run, since what is broken below must always break in the same way."""
    return [display("apple", at=AT - timedelta(days=n), id=f"p{n}") | {"_id": f"e{n}"} for n in range(count)]


def ranked(offers: Iterable[str]) -> dict[str, Any]:
    return display("apple", items=[{"id": offer} for offer in offers])


def text() -> bytes:
    return lines(*events())


def of_parquet(folder: Path) -> bytes:
    return parquet(folder / "object", events(), XDM).read_bytes()


def of_query(folder: Path, query: str) -> bytes:
    return copied(folder / "object", query).read_bytes()


BAD: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "a gzip bomb of events": (lambda _: gzipped(text() * 60), "too-large"),
    "a gzip bomb of lines": (lambda _: gzipped(b"\n" * 2_000_000), "too-many-lines"),
    "a gzip bomb of zeros": (lambda _: gzipped(bytes(50_000_000)), "format-unknown"),
    "plain lines that are too many": (lambda _: text() * 60, "too-large"),
    "gzip that is cut": (lambda _: gzipped(text())[:-100], "gzip-truncated"),
    "gzip that is overwritten": (lambda _: overwritten(gzipped(text())), "gzip-corrupt"),
    "gzip in gzip": (lambda _: gzipped(gzipped(text())), "gzip-twice"),
    "Zstandard that is cut": (lambda _: zstd.compress(text())[:-100], "zstd-truncated"),
    "Zstandard that is overwritten": (lambda _: overwritten(checked_zstd(text())), "zstd-corrupt"),
    "Zstandard in Zstandard": (lambda _: zstd.compress(zstd.compress(text())), "zstd-twice"),
    "Parquet that is cut": (lambda folder: of_parquet(folder)[:-100], "parquet-truncated"),
    "Parquet that is overwritten": (lambda folder: overwritten(of_parquet(folder)), "parquet-corrupt"),
    "Parquet whose times are none": (lambda folder: of_query(folder, "SELECT TRUE AS timestamp"), "column-type"),
    "Parquet whose events are text": (lambda folder: of_query(folder, "SELECT '{}' AS _experience"), "column-type"),
    "Parquet of no UTF-8": (lambda folder: of_query(folder, r"SELECT '\xFF'::BLOB AS _id"), "parquet-not-utf-8"),
    "Parquet in gzip": (lambda folder: gzipped(of_parquet(folder)), "parquet-in-gzip"),
    "a zip archive": (lambda _: zipped(text()), "format-zip"),
    "bzip2": (lambda _: bz2.compress(text()), "format-bzip2"),
    "Avro": (lambda _: b"Obj\x01" + bytes(100), "format-avro"),
    "UTF-16": (lambda _: text().decode().encode("utf-16"), "format-utf-16"),
    "a picture": (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "format-unknown"),
    "a gzip bomb of offers": (lambda _: gzipped(lines(ranked("a" for _ in range(20_001)))), "too-many-offers"),
    "offers all of which are others": (lambda _: gzipped(lines(ranked(map(str, range(10_000))))), "too-varied"),
    "events of too many days": (lambda _: gzipped(lines(*events(MORE_DAYS_THAN_COUNTED))), "too-many-days"),
}
# Bad lines in a good object: how many of them there are, beside one event.
ODD: dict[str, tuple[Callable[[], bytes], int]] = {
    "nothing": (lambda: b"", 0),
    "blank lines": (lambda: b"\n\r\n  \n", 0),
    "junk": (lambda: lines(b"junk", b"{", b"[]", b"\xff\xfe\x00", b'{"a":NaN}', b"1"), 6),
    "JSON of great depth": (lambda: lines(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b"[" * 100_000), 2),
    "a line of 17 MiB": (lambda: lines(b'{"a":"' + b"x" * (17 << 20) + b'"}'), 1),
    "a line that is cut": (lambda: json.dumps(display("apple")).encode()[:-5], 1),
}


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """As if 4 GiB were 3 MB, ten million lines one, four million offers 20,000, and names of 64 MiB 1 MB."""
    assert (entries.MOST_OFFERS, entries.MOST_NAMED) == (4_000_000, 64 * 2**20)
    monkeypatch.setattr(entries, "MOST_OFFERS", 20_000)
    monkeypatch.setattr(entries, "MOST_NAMED", 1_000_000)
    limits = object_file.lines_of.__kwdefaults__
    assert (limits["limit_bytes"], limits["limit_lines"]) == (4 * 2**30, 10_000_000)
    monkeypatch.setitem(limits, "limit_bytes", 3_000_000)
    monkeypatch.setitem(limits, "limit_lines", 1_000_000)
    return limits


def put(dataset: dict[str, Any], key: str, data: bytes) -> str:
    boto3.client("s3").put_object(Bucket=dataset["bucket"], Key=dataset["prefix"] + key, Body=data)
    return dataset["prefix"] + key


def good(dataset: dict[str, Any], key: str) -> str:
    return put(dataset, key, gzipped(lines(*(display("apple") for _ in range(EVENTS)))))


def objects(system: System, dataset: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the ledger says of each object, by its whole key."""
    reply = system.call("GET", f"/datasets/{dataset['id']}/accounting")
    assert reply.status == 200, reply.text
    assert reply.json["next"] is None
    return {one["key"]: one for one in reply.json["objects"]}


def impressions(system: System, model: dict[str, Any]) -> int:
    return system.call("GET", f"/models/{model['id']}/report").json["totals"]["impressions"]


def bad_objects(output: str) -> list[float]:
    """What the metric was given, in the log that CloudWatch reads it from."""
    logged = [json.loads(line) for line in output.splitlines() if '"_aws"' in line]
    return [value for one in logged for value in one.get("BadObjects", [])]


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_object_is_set_aside_alone_at_every_place_of_a_batch(
    system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    made, reason = BAD[kind]
    data = made(tmp_path)
    dataset, model = system.live_model()
    system.settle()
    for place in range(GOOD + 1):
        keys = [good(dataset, f"{place}/good-{n}.json.gz") for n in range(GOOD)]
        bad = put(dataset, f"{place}/bad", data)
        keys.insert(place, bad)
        capsys.readouterr()
        assert system.notify(dataset["bucket"], *keys) == []
        assert bad_objects(capsys.readouterr().out) == [1.0]
        found = objects(system, dataset)
        assert (found[bad]["state"], found[bad]["reason"], found[bad]["received"]) == ("bad", reason, 0)
        others = [found[key] for key in keys if key != bad]
        assert [(one["state"], one["counted"]) for one in others] == [("live", EVENTS)] * GOOD
    system.settle()
    assert impressions(system, model) == (GOOD + 1) * GOOD * EVENTS


def test_a_batch_of_every_kind_of_bad_object_leaves_the_good_ones_counted(
    system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset, model = system.live_model()
    system.settle()
    keys = []
    for n, (made, _) in enumerate(BAD.values()):
        keys += [put(dataset, f"{n:02}-bad.json.gz", made(tmp_path)), good(dataset, f"{n:02}-good.parquet")]
    capsys.readouterr()
    assert system.notify(dataset["bucket"], *keys) == []
    assert bad_objects(capsys.readouterr().out) == [1.0] * len(BAD)
    found = objects(system, dataset)
    assert [found[key]["reason"] for key in keys[::2]] == [reason for _, reason in BAD.values()]
    system.settle()
    assert impressions(system, model) == len(BAD) * EVENTS


@pytest.mark.parametrize("kind", ODD)
def test_bad_lines_at_every_place_of_an_object_are_refused_alone(
    system: System, small_limits: dict[str, int], kind: str
) -> None:
    made, malformed = ODD[kind]
    small_limits["limit_bytes"] = 40_000_000
    dataset, model = system.live_model()
    system.settle()
    keys = []
    for place in range(3):
        parts = [lines(display("apple")), lines(display("apple"))]
        parts.insert(place, made().removesuffix(b"\n") + b"\n")
        keys.append(put(dataset, f"{place}.json.gz", gzipped(b"".join(parts))))
    assert system.notify(dataset["bucket"], *keys) == []
    found = objects(system, dataset)
    refused = {"malformed": malformed} if malformed else {}
    assert [(one["state"], one["counted"], one["refused"]) for one in found.values()] == [("live", 2, refused)] * 3
    system.settle()
    assert impressions(system, model) == 6


@pytest.mark.parametrize("data", [b"", gzipped(b""), zstd.compress(b""), b"\xef\xbb\xbf"])
def test_an_object_without_lines_is_a_good_one(system: System, data: bytes) -> None:
    dataset, _ = system.live_model()
    key = put(dataset, "empty.json.gz", data)
    assert system.notify(dataset["bucket"], key) == []
    assert (objects(system, dataset)[key]["state"], objects(system, dataset)[key]["received"]) == ("live", 0)


def test_a_byte_order_mark_and_returns_lose_no_event(system: System) -> None:
    dataset, model = system.live_model()
    events = lines(display("apple"), display("apple")).replace(b"\n", b"\r\n")
    key = put(dataset, "from-windows.json", b"\xef\xbb\xbf" + events)
    assert system.notify(dataset["bucket"], key) == []
    system.settle()
    assert impressions(system, model) == 2


def test_a_bad_object_that_is_told_again_stays_so_and_one_that_is_repaired_counts(system: System) -> None:
    dataset, model = system.live_model()
    key = put(dataset, "a.json.gz", gzipped(text())[:-100])
    for _ in range(2):
        assert system.notify(dataset["bucket"], key, key) == []
        assert objects(system, dataset)[key]["reason"] == "gzip-truncated"
    good(dataset, "a.json.gz")
    assert system.notify(dataset["bucket"], key) == []
    system.settle()
    assert (objects(system, dataset)[key]["state"], objects(system, dataset)[key]["reason"]) == ("live", None)
    assert impressions(system, model) == EVENTS


def test_a_good_object_that_goes_bad_counts_no_more(system: System) -> None:
    dataset, model = system.live_model()
    key = good(dataset, "a.json.gz")
    assert system.notify(dataset["bucket"], key) == []
    put(dataset, "a.json.gz", zipped(text()))
    assert system.notify(dataset["bucket"], key) == []
    system.settle()
    assert objects(system, dataset)[key]["reason"] == "format-zip"
    assert impressions(system, model) == 0
