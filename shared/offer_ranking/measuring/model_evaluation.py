"""An evaluation of one model as callers ask for it and read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, TypedDict

from pydantic import Field

from offer_ranking.catalog.value import Value, rfc3339
from offer_ranking.measuring.evaluation import Evaluation, Moments, Policy, evaluation
from offer_ranking.measuring.imported_log import MOST_RECORDS, LoggedRanking, log_of
from offer_ranking.measuring.log import Log
from offer_ranking.measuring.own_log import OwnLog
from offer_ranking.measuring.reward_model import FoldCounts
from offer_ranking.measuring.target import Target


class EvaluationRequest(Value):
    """A target policy, and the log to judge it by: the model's own events where none is given."""

    target: Target
    log: Annotated[tuple[LoggedRanking, ...], Field(max_length=MOST_RECORDS, fail_fast=True)] | None = None


class JudgedLog(TypedDict):
    """What was read. Of an own log: how many objects, the newest first, and when what they hold was issued.

    `unreadable`: objects that are no events, or went meanwhile. `incomplete`: displayed propositions that are no
    records, since their token does not hold all candidates (there were more than 30).
    `isWhole`: whether all that the datasets hold was read. Null: an imported log has no objects and no times.
    """

    source: Literal["own", "imported"]
    objects: int | None
    unreadable: int | None
    incomplete: int | None
    isWhole: bool
    firstAt: str | None
    lastAt: str | None


class ModelEvaluation(Evaluation):
    """An evaluation, and the log it comes from."""

    log: JudgedLog


def evaluated(log: OwnLog | tuple[LoggedRanking, ...], target: Policy) -> ModelEvaluation:
    """Judge a target by a log."""
    columns = log.log if isinstance(log, OwnLog) else log_of(log)
    return ModelEvaluation(**_evaluation(columns, target), log=_judged(log))


def _evaluation(log: Log, target: Policy) -> Evaluation:
    counts = FoldCounts()
    counts.add(log)
    return evaluation(Moments.of(log, target, counts.model()))


def _judged(log: OwnLog | tuple[LoggedRanking, ...]) -> JudgedLog:
    if not isinstance(log, OwnLog):
        return JudgedLog(
            source="imported", objects=None, unreadable=None, incomplete=None, isWhole=True, firstAt=None, lastAt=None
        )
    return JudgedLog(
        source="own",
        objects=log.objects,
        unreadable=log.unreadable,
        incomplete=log.incomplete,
        isWhole=log.is_whole,
        firstAt=_moment(log.first_ms),
        lastAt=_moment(log.last_ms),
    )


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else rfc3339(datetime.fromtimestamp(milliseconds / 1000, UTC))
