"""An erasure as people see it: how far it is, what was done, and where the person still is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.value import rfc3339
from offer_ranking.measuring.map_run import MapRun, Objects

Status = Literal["running", "succeeded", "incomplete", "failed"]

ANOTHER_BUCKET = "another-bucket"
_DETAILS = {
    ANOTHER_BUCKET: "This deployment only reads that bucket. Delete the person's events there; counts follow by "
    "themselves."
}
_OTHERWISE = (
    "The object was left as it is. Delete the person's events in it, or the object, and its older versions; counts "
    "follow by themselves."
)


@dataclass(frozen=True, slots=True)
class Work:
    """What its batches did, added up. What a call did just before it died is not in it.

    Args:
        lines: of the person, dropped.
        rewritten: objects that held them.
        versions: older ones of these, deleted.

    """

    lines: int = 0
    rewritten: int = 0
    versions: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """An object that could not be rewritten, by its whole key, and why in a word or two."""

    key: str
    reason: str


class NotErased(TypedDict):
    """Where the person's events still are, if there are any: a place (a key, or a prefix that ends in `/`)."""

    bucket: str
    place: str
    reason: str
    detail: str


class BegunErasure(TypedDict):
    """An erasure that was begun."""

    id: str
    status: Status


class Erasure(TypedDict):
    """An erasure. `incomplete`: what could be erased is, and `notErased` says what could not, the first 100 objects.

    `error` says by Step Functions' name why it failed, `who` asked for it; whom it erases nobody knows any more.
    """

    id: str
    status: Status
    who: str
    requestedAt: str
    endedAt: str | None
    error: str | None
    objects: Objects
    lines: int
    rewritten: int
    versions: int
    notErased: list[NotErased]


def erasure(  # noqa: PLR0913 - what is known of it, from where each is kept
    request: Change,
    run: MapRun,
    work: Work,
    *,
    bucket: str,
    left: Sequence[Left],
    datasets: Iterable[Dataset],
) -> Erasure:
    """What is shown of it: `bucket` is the one whose objects are rewritten, `datasets` are all there are."""
    places = [
        *((one.bucket, one.prefix, ANOTHER_BUCKET) for one in datasets if one.bucket != bucket),
        *((bucket, one.key, one.reason) for one in left),
    ]
    return Erasure(
        id=run.id,
        status=_status(run, is_whole=not places and not run.objects["failed"]),
        who=request.who,
        requestedAt=rfc3339(request.at),
        endedAt=rfc3339(run.ended_at) if run.ended_at else None,
        error=run.error,
        objects=run.objects,
        lines=work.lines,
        rewritten=work.rewritten,
        versions=work.versions,
        notErased=[
            NotErased(bucket=bucket, place=place, reason=reason, detail=_DETAILS.get(reason, _OTHERWISE))
            for bucket, place, reason in places
        ],
    )


def _status(run: MapRun, *, is_whole: bool) -> Status:
    return "incomplete" if run.status == "succeeded" and not is_whole else run.status
