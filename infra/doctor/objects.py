"""Whether the objects of a dataset are counted, by the ledger's rows of them."""

from __future__ import annotations

from collections.abc import Iterator

from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, ok, wrong
from infra.doctor.place import SIGNED, Place
from infra.doctor.shell import quoted
from offer_ranking.catalog.dataset import Dataset
from offer_ranking.counting.ledger import State
from offer_ranking.storage.ledger import DynamoLedger

_TOLD = 5  # objects of a kind that are named one by one
_ARCHIVED = {"GLACIER", "DEEP_ARCHIVE"}


def look(bucket: Bucket, place: Place, dataset: Dataset) -> Iterator[Finding]:
    objects = {one["Key"]: one for one in bucket.listing(dataset.prefix)}
    aside = [key for key in objects if not dataset.holds(bucket.name, key)]
    if aside:
        yield ok("objects", f"{len(aside)} are passed over by their names (_, ., manifest), such as {aside[0]}")
    wanted = [key for key in objects if key not in aside]
    ledger = DynamoLedger(place.client("dynamodb"), place.outputs["LedgerTable"])
    rows = ledger.rows(dataset.id, [key.removeprefix(dataset.prefix) for key in wanted])
    readings = {dataset.prefix + row.key: row.reading for row in rows}
    # One that was counted before it was archived, or is restored for some days, still counts.
    counted = {key for key, reading in readings.items() if reading is not None and reading.state is State.LIVE}
    archived = [key for key in wanted if objects[key].get("StorageClass") in _ARCHIVED and key not in counted]
    for key in archived[:_TOLD]:
        restore = f"aws s3api restore-object --bucket {bucket.name} --key {quoted(key)} --restore-request Days=7"
        yield wrong("objects", f"{key} is archived, and cannot be read", restore)
    wanted = [key for key in wanted if key not in archived]
    unread = [key for key in wanted if (reading := readings.get(key)) is None or reading.state is State.DELETED]
    bad = {key: reading.reason for key in wanted if (reading := readings.get(key)) and reading.state is State.BAD}
    if unread:
        says = f"{len(unread)} of the first {len(objects)} below {dataset.prefix} are not counted yet, as {unread[0]}"
        backfills = f"{place.outputs['ApiUrl']}/datasets/{dataset.id}/backfills"
        yield wrong("objects", says, f"curl -X POST {backfills} {SIGNED}")
    for key, reason in list(bad.items())[:_TOLD]:
        again = f"aws s3 cp MENDED {quoted(f's3://{bucket.name}/{key}')}"
        yield wrong("objects", f"{key} counts as nothing: {reason}", again)
    if objects and not unread and not bad and not archived:
        yield ok("objects", f"the first {len(wanted)} below {dataset.prefix} are counted")
