"""A log that somebody else made: one ranking a record, with the probability of what came first."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator

from offer_ranking.catalog.value import ContextValue, Key, Value, distinct
from offer_ranking.measuring.log import Contest, Log, Record

MOST_RECORDS = 10_000  # of one request, which holds 6 MB; a file may hold any number
LEAST_PROPENSITY = 1e-9
_RECORDS_AT_ONCE = 20_000
_LONGEST_LINE = 2**23
_GZIP = b"\x1f\x8b"


class LoggedRanking(Value):
    """One ranking of an imported log: `chosen` of `offers` came first, with `propensity`, and converted or not."""

    offers: Annotated[tuple[Key, ...], Field(min_length=1, max_length=10_000, fail_fast=True), AfterValidator(distinct)]
    chosen: Key
    propensity: Annotated[float, Field(ge=LEAST_PROPENSITY, le=1, allow_inf_nan=False)]
    converted: bool
    audiences: Annotated[tuple[Key, ...], Field(max_length=1000, fail_fast=True)] = ()
    context: Annotated[dict[Key, ContextValue], Field(max_length=100, fail_fast=True)] = Field(default_factory=dict)

    @field_validator("chosen")
    @classmethod
    def _competed(cls, chosen: str, info: ValidationInfo) -> str:
        if chosen not in info.data.get("offers", (chosen,)):
            msg = "must be one of the offers"
            raise ValueError(msg)
        return chosen

    def record(self, place: int) -> Record:
        """As evaluations read it; `place` in the log is what it is known by."""
        offers = tuple(sorted(self.offers))
        contest = Contest(offers, tuple(sorted(set(self.audiences))), tuple(sorted(self.context.items())))
        return Record(str(place), contest, offers.index(self.chosen), self.propensity, float(self.converted))


class UnreadableLogError(ValueError):
    """A line of a log's file is not what a record looks like."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")


def log_of(records: Iterable[LoggedRanking]) -> Log:
    """The log that a request holds."""
    return Log.of(record.record(place) for place, record in enumerate(records))


def logs_of(path: Path) -> Iterator[Log]:
    """The log that a file holds, part by part: JSON lines, plain or gzip. Blank lines are none.

    Raises UnreadableLogError, OSError.
    """
    part: list[Record] = []
    for number, line in enumerate(_lines(path), start=1):
        if line.isspace():
            continue
        part.append(_record(number, line))
        if len(part) == _RECORDS_AT_ONCE:
            yield Log.of(part)
            part.clear()
    if part:
        yield Log.of(part)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        is_packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        lines = gzip.GzipFile(fileobj=file) if is_packed else file
        number = 1
        try:
            while line := lines.readline(_LONGEST_LINE + 1):
                if len(line) > _LONGEST_LINE:
                    raise UnreadableLogError(number, f"more than {_LONGEST_LINE} bytes")
                yield line
                number += 1
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise UnreadableLogError(number, f"the gzip file is damaged: {error}") from error


def _record(number: int, line: bytes) -> Record:
    try:
        return LoggedRanking.model_validate_json(line).record(number)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = "/".join(map(str, first["loc"]))
        raise UnreadableLogError(number, f"{where or 'the record'}: {first['msg']}") from error
