"""A backfill as people see it: how far it is, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from offer_ranking.catalog.value import rfc3339
from offer_ranking.measuring.map_run import MapRun, Objects, Status


@dataclass(frozen=True, slots=True)
class Work:
    """What its batches did, added up. A batch that is tried again adds again: nothing is counted by these numbers.

    Args:
        batches: calls of the function.
        counted: objects that were read, since the ledger did not know them as they lie there.
        bad: those of them that cannot be read.
        bytes: of the counted ones, as they lie there.
        milliseconds: of the function's time.
        megabyte_milliseconds: that time by the function's memory.

    """

    batches: int = 0
    counted: int = 0
    bad: int = 0
    bytes: int = 0
    milliseconds: int = 0
    megabyte_milliseconds: int = 0


class Progress(TypedDict):
    """How far it is. Objects that the ledger knew as they lie there are done, but not counted again."""

    objects: Objects
    counted: int
    unreadable: int
    bytes: int
    seconds: float


class CostPart(TypedDict):
    """One thing that is paid for: usd = quantity * usdPerUnit."""

    of: str
    quantity: float
    unit: str
    usdPerUnit: float
    usd: float


class Cost(TypedDict):
    """The sum of its parts, by list prices."""

    usd: float
    parts: list[CostPart]
    basis: str


class Started(TypedDict):
    """A backfill that was begun."""

    id: str
    datasetId: str
    status: Status


class Backfill(TypedDict):
    """A backfill. `error` says by Step Functions' name why it failed."""

    id: str
    datasetId: str
    status: Status
    startedAt: str
    endedAt: str | None
    error: str | None
    progress: Progress
    cost: Cost


def backfill(run: MapRun, work: Work) -> Backfill:
    """What is shown of a run and the work done in it."""
    return Backfill(
        id=run.id,
        datasetId=run.given["datasetId"],
        status=run.status,
        startedAt=rfc3339(run.started_at),
        endedAt=rfc3339(run.ended_at) if run.ended_at else None,
        error=run.error,
        progress=Progress(
            objects=run.objects,
            counted=work.counted,
            unreadable=work.bad,
            bytes=work.bytes,
            seconds=work.milliseconds / 1000,
        ),
        cost=cost(run, work),
    )


# List prices of us-east-1 in USD, on demand, as AWS's price pages had them in 2026.
_GB_SECOND = 0.0000166667  # Lambda, x86
_CALL = 0.20 / 1e6  # Lambda
_TRANSITION = 0.025 / 1e3  # Step Functions, STANDARD
_S3_READ = 0.0004 / 1e3  # GET, HEAD
_S3_WRITE = 0.005 / 1e3  # PUT, LIST
_WRITE_UNIT = 0.625 / 1e6  # DynamoDB: an item to 1 KB; twice in a transaction
_READ_UNIT = 0.125 / 1e6  # DynamoDB: an item to 4 KB
_BASIS = (
    "List prices of us-east-1 without free tier. Time, calls and objects are measured; requests an object and a batch "
    "are what counting and merging make at least. What failed and was tried again is not in it."
)


def cost(run: MapRun, work: Work) -> Cost:
    """What a backfill cost, part by part."""
    listed = run.objects["listed"]
    parts = [
        _part("Lambda: time by memory", work.megabyte_milliseconds / 1024 / 1000, "GB-second", _GB_SECOND),
        _part("Lambda: calls", work.batches, "call", _CALL),
        # A batch's own start, its three states; the Map and its start.
        _part("Step Functions: 4 a batch, 2 a backfill", 4 * work.batches + 2, "transition", _TRANSITION),
        # An object's head and content, and whether it was counted before; a batch's aggregate, day and index.
        _part("S3: 3 a counted object, 3 a batch", 3 * (work.counted + work.batches), "read", _S3_READ),
        # What an object counts as; a batch's aggregate, day and index; the listing.
        _part(
            "S3: 1 a counted object, 3 a batch, 1 a thousand listed",
            work.counted + 3 * work.batches + listed / 1000,
            "write",
            _S3_WRITE,
        ),
        # An object's number, its reading and the mark that it is dirty; in the merge's transaction the mark's removal.
        _part(
            "DynamoDB: 6 a counted object, 3 a batch", 6 * work.counted + 3 * work.batches, "write unit", _WRITE_UNIT
        ),
        _part(
            "DynamoDB: 1 a listed object, 1 a counted one",
            listed + work.counted,
            "read unit",
            _READ_UNIT,
        ),
    ]
    return Cost(usd=sum(part["usd"] for part in parts), parts=parts, basis=_BASIS)


def _part(of: str, quantity: float, unit: str, usd_per_unit: float) -> CostPart:
    return CostPart(of=of, quantity=quantity, unit=unit, usdPerUnit=usd_per_unit, usd=quantity * usd_per_unit)
