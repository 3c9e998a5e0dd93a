"""What a stack costs at AWS's list prices: idle, for a million rankings, for a million events; and which quota binds.

`python -m infra.cost` prints docs/cost.md. What a stack has (alarms, schedules, queues that are polled, log groups) is
counted in the templates; how long an answer takes is measured by tests/benchmarks; sizes are of the lines as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cfn_flip

ROOT = Path(__file__).parents[1]
AS_OF = "2026-11-28"
HOURS, DAYS = 730, 30.4  # a month's
MILLION, GB = 1_000_000, 1 << 30


@dataclass(frozen=True, slots=True)
class Price:
    """USD a unit in us-east-1, the page that says so, and what every account has for nothing each month, for ever."""

    usd: float
    unit: str
    page: str
    free: float = 0


PRICES = {
    "lambda request": Price(0.20e-6, "request", "https://aws.amazon.com/lambda/pricing/", 1e6),
    "lambda time": Price(0.0000166667, "GB-second", "https://aws.amazon.com/lambda/pricing/", 400_000),
    "rest api": Price(3.50e-6, "request", "https://aws.amazon.com/api-gateway/pricing/"),
    "table write": Price(0.625e-6, "write unit", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "table read": Price(0.125e-6, "read unit", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "s3 put": Price(5e-6, "PUT or LIST", "https://aws.amazon.com/s3/pricing/"),
    "s3 get": Price(0.4e-6, "GET", "https://aws.amazon.com/s3/pricing/"),
    "s3 storage": Price(0.023, "GB-month", "https://aws.amazon.com/s3/pricing/"),
    "queue": Price(0.40e-6, "request", "https://aws.amazon.com/sqs/pricing/", 1e6),
    "schedule": Price(1e-6, "invocation", "https://aws.amazon.com/eventbridge/pricing/", 14e6),
    "s3 event": Price(1e-6, "event of S3", "https://aws.amazon.com/eventbridge/pricing/"),
    "stream": Price(0.029, "GB, a record as 5 KB at least", "https://aws.amazon.com/firehose/pricing/"),
    "stream partitions": Price(0.020, "GB parted by dataset", "https://aws.amazon.com/firehose/pricing/"),
    "stream objects": Price(5e-6, "object parted by dataset", "https://aws.amazon.com/firehose/pricing/"),
    "log": Price(0.50, "GB written", "https://aws.amazon.com/cloudwatch/pricing/", 5),
    "metric": Price(0.30, "metric and month", "https://aws.amazon.com/cloudwatch/pricing/", 10),
    "alarm": Price(0.10, "alarm and month", "https://aws.amazon.com/cloudwatch/pricing/", 10),
    "trace": Price(5e-6, "trace", "https://aws.amazon.com/xray/pricing/", 100_000),
}
POLLERS, LONG_POLL_SECONDS = 5, 20  # Lambda's, of a queue without messages
POLLERS_SAID = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"
LEAST_RECORD = 5 * 1024
CORE_MB = 1769  # of memory, for which Lambda gives a processor
# Measured, tests/benchmarks/results: CPU of a whole answer with 100 offers (ranking.md), events counted a second by the
# function at 2 GB (counting.md). Of an interact call with 30 offers: 2.5 times the door without its answer.
ANSWER_CPU_MS, INTERACT_CPU_MS, EVENTS_A_SECOND = 1.26, 2.5, 130_000
SCHEDULED_SECONDS = 3.0  # hourly and daily: environments are cold by then
# Bytes of what is written for a request: our line, Lambda's own two, API Gateway's.
LINE_BYTES, PLATFORM_BYTES, ACCESS_BYTES, EVENT_BYTES = 380, 620, 260, 1800
QUOTA_BLOCK = 32  # rankings of one client, told by an environment at once (ranking/quota.py)
OBJECT_EVENTS = 1000  # events in an object, where each stands in a minute's
CLICKS = 0.05  # of events; each asks two counters of caps


@dataclass(frozen=True, slots=True)
class Line:
    """An amount of something, and why it is that."""

    what: str
    price: str
    amount: float
    why: str

    @property
    def usd(self) -> float:
        """At list price, with nothing free."""
        return self.amount * PRICES[self.price].usd


def total(lines: Sequence[Line], *, free: bool) -> float:
    """USD a month; `free`: what is free for ever taken off, once for all lines of a price."""
    amounts: dict[str, float] = {}
    for line in lines:
        amounts[line.price] = amounts.get(line.price, 0) + line.amount
    return sum(max(0.0, amount - (PRICES[of].free if free else 0)) * PRICES[of].usd for of, amount in amounts.items())


@dataclass(frozen=True)
class Counted:
    """What a stack with default parameters has of what bills while nobody calls it."""

    alarms: int
    queues: int
    schedules: Mapping[str, int]
    log_groups: int
    buckets: int
    tables: int

    @classmethod
    def of(cls, *templates: Mapping[str, Any]) -> Counted:
        resources = [one for template in templates for one in template["Resources"].values() if not _on_request(one)]
        kinds = [one["Type"] for one in resources]
        events = [event for one in resources for event in one.get("Properties", {}).get("Events", {}).values()]
        schedules: dict[str, int] = {}
        for event in events:
            if event["Type"] == "ScheduleV2":
                rate = event["Properties"]["ScheduleExpression"]
                schedules[rate] = schedules.get(rate, 0) + 1
        return cls(
            kinds.count("AWS::CloudWatch::Alarm"),
            sum(event["Type"] == "SQS" for event in events),
            schedules,
            kinds.count("AWS::Logs::LogGroup"),
            kinds.count("AWS::S3::Bucket"),
            kinds.count("AWS::DynamoDB::Table"),
        )

    def runs(self) -> float:
        """Of schedules in a month."""
        a_month = {"rate(1 hour)": HOURS, "rate(1 day)": DAYS}
        return sum(many * a_month[rate] for rate, many in self.schedules.items())


def _on_request(resource: Mapping[str, Any]) -> bool:
    """Whether it is there only by a parameter that is off by default."""
    return resource.get("Condition") in {"HasDashboard", "HasWebAcl", "ProvisionsRank", "HasDomain", "HasEdgeDomain"}


def counted() -> Counted:
    files = ("template.yaml", "infra/storage.yaml", "infra/alarms.yaml")
    return Counted.of(*(cfn_flip.load((ROOT / file).read_text(encoding="utf-8"))[0] for file in files))


def idle(has: Counted) -> list[Line]:
    """A month in which nobody calls, with default parameters, without a live model."""
    polls = has.queues * POLLERS * HOURS * 3600 / LONG_POLL_SECONDS
    runs = has.runs()
    return [
        Line("alarms", "alarm", has.alarms, f"{has.alarms} of one metric each"),
        Line(
            "polls of queues", "queue", polls, f"{has.queues} queues x {POLLERS} pollers x one in {LONG_POLL_SECONDS} s"
        ),
        Line("schedules", "schedule", runs, " + ".join(f"{many} at {rate}" for rate, many in has.schedules.items())),
        Line("their calls", "lambda request", runs, "one each"),
        Line("their time", "lambda time", runs * SCHEDULED_SECONDS * 2, f"2 GB for {SCHEDULED_SECONDS:g} s, cold"),
        Line("their traces", "trace", runs, "all: fewer than one a second"),
        Line(
            "their lines", "log", runs * (LINE_BYTES + PLATFORM_BYTES) / GB, f"{has.log_groups} groups, empty but one"
        ),
        Line("their metric", "metric", 1, "Messages; a metric bills in hours in which it is told"),
        Line("looks into tables", "table read", runs * 4, "datasets and models, none"),
        Line("tables, point-in-time recovery", "s3 storage", 0, f"{has.tables} tables, empty"),
        Line("buckets", "s3 storage", 0, f"{has.buckets} buckets, empty"),
    ]


def live_model() -> list[Line]:
    """What each live model adds to an idle month: it is fitted hourly, since its window moves."""
    return [
        Line("messages", "queue", HOURS * 3, "sent, received, deleted"),
        Line("fits", "lambda time", HOURS * 2 * 0.5, "2 GB for half a second"),
        Line("calls", "lambda request", HOURS, "one each"),
        Line("snapshots", "s3 put", HOURS, "one each"),
        Line("counts read", "s3 get", HOURS * 4, "day files that are not in memory"),
        Line("tables", "table write", HOURS * 2, "what is published"),
        Line("tables", "table read", HOURS * 10, "models, datasets, pointers"),
    ]


def rankings() -> list[Line]:
    """A million rankings of 100 offers through the API, one a request."""
    milliseconds = _billed(ANSWER_CPU_MS, 1024)
    return [
        Line("API Gateway", "rest api", MILLION, "none of it by the rank function's own URL (SigV4)"),
        Line("calls", "lambda request", MILLION, "the authorizer's answer is kept a minute"),
        Line(
            "time",
            "lambda time",
            MILLION * milliseconds / 1000,
            f"{milliseconds} ms of 1 GB: {ANSWER_CPU_MS} ms of a core",
        ),
        Line(
            "quotas of clients",
            "table write",
            MILLION / QUOTA_BLOCK,
            f"a block of {QUOTA_BLOCK} rankings each, at most",
        ),
        Line("model", "table read", MILLION, "at most: an environment reads it once a second"),
        Line(
            "lines", "log", MILLION * (LINE_BYTES + PLATFORM_BYTES + ACCESS_BYTES) / GB, "ours, Lambda's, API Gateway's"
        ),
        Line("traces", "trace", MILLION * 0.05, "a twentieth"),
    ]


def events() -> list[Line]:
    """A million displays and clicks from browsers, one a request, a thousand in an object."""
    milliseconds = _billed(INTERACT_CPU_MS, 1024)
    return [
        Line("API Gateway", "rest api", MILLION, "a page that tells several at once pays once"),
        Line("calls", "lambda request", MILLION, ""),
        Line(
            "time",
            "lambda time",
            MILLION * milliseconds / 1000,
            f"{milliseconds} ms of 1 GB: {INTERACT_CPU_MS} ms of a core",
        ),
        Line("caps", "table write", MILLION * CLICKS * 2, f"two counters of each click, {CLICKS:.0%} of events"),
        Line("stream", "stream", MILLION * LEAST_RECORD / GB, "a line is a record, and a record 5 KB at least"),
        Line("parted by dataset", "stream partitions", MILLION * EVENT_BYTES / GB, f"{EVENT_BYTES} bytes each"),
        Line("its objects", "stream objects", MILLION / OBJECT_EVENTS, ""),
        Line(
            "lines", "log", MILLION * (LINE_BYTES + PLATFORM_BYTES + ACCESS_BYTES) / GB, "ours, Lambda's, API Gateway's"
        ),
        Line("traces", "trace", MILLION * 0.05, "a twentieth"),
        *counting(),
    ]


def counting() -> list[Line]:
    """The same million from a pipeline of yours, as objects of a thousand: counting alone."""
    objects = MILLION / OBJECT_EVENTS
    return [
        Line("S3's events", "s3 event", objects, "an object each"),
        Line("messages", "queue", objects * 6, "look, merge, fit: sent, received, deleted"),
        Line("calls", "lambda request", objects * 2, ""),
        Line(
            "time to count",
            "lambda time",
            (MILLION / EVENTS_A_SECOND + objects) * 2,
            f"{EVENTS_A_SECOND:,} a second, a second an object",
        ),
        Line("ledger", "table write", objects * 8, "generation, reading, merge; and the index"),
        Line("deltas and counts", "s3 put", objects * 4, ""),
        Line("objects read", "s3 get", objects * 4, ""),
        Line("kept for a month", "s3 storage", MILLION * EVENT_BYTES / 5 / GB, "a fifth, zipped"),
    ]


def _billed(cpu_ms: float, megabytes: int) -> int:
    """Milliseconds that Lambda bills for work that takes this long on a whole core."""
    return int(-(-cpu_ms * CORE_MB / megabytes // 1))


@dataclass(frozen=True, slots=True)
class Quota:
    """An AWS default in us-east-1: how much there is, and how much a request takes of it, a second."""

    what: str
    there: float
    each: float
    why: str

    @property
    def binds_at(self) -> float:
        """Requests a second."""
        return self.there / self.each


# https://docs.aws.amazon.com: lambda/latest/dg/gettingstarted-limits.html, firehose/latest/dev/limits.html,
# apigateway/latest/developerguide/limits.html, amazondynamodb/latest/developerguide/ServiceQuotas.html,
# AmazonS3/latest/userguide/optimizing-performance.html, cognito/latest/developerguide/quotas.html
QUOTAS = (
    Quota("parameter `EdgeRatePerSecond`", 1000, 1, "ours, of browsers and apps"),
    Quota("parameter `ApiRatePerSecond`", 500, 1, "ours, for each operation"),
    Quota("parameter `RankingsPerSecondPerClient`", 250, 1, "ours, of one client"),
    Quota("API Gateway, account and region", 10_000, 1, "requests a second; bursts of 5,000"),
    Quota("Lambda, calls a second", 10_000, 1, "ten for each of 1,000 concurrent environments"),
    Quota("Lambda, concurrency", 1000, 0.1, "an environment takes at most ten calls a second, however short"),
    Quota("Firehose, requests", 2000, 1, "of collecting: one PutRecordBatch each; above it events go to S3 at once"),
    Quota("Firehose, bytes", 5 * 1024 * 1024, EVENT_BYTES, "of collecting: an event a request"),
    Quota("DynamoDB, one item", 3000, 0.1, "read units, of the model: read once a second in each environment"),
    Quota("DynamoDB, a new table", 4000, 2 * CLICKS, "write units, of caps; twice as many after half an hour"),
    Quota(
        "S3, one prefix", 5500, 0.05, "GETs, of a snapshot that changed: every two seconds at most in each environment"
    ),
    Quota("Cognito, tokens", 150, 1 / 3600, "token requests, where each caller has a token for its hour"),
)
RATES = (1, 100, 10_000)

_PAGE = """# What it costs

Printed by `python -m infra.cost`; a test holds that it is. List prices of us-east-1 in USD, without tax and transfer
out, as they were known on {as_of}; the pages below are AWS's word. *Free* is what every account has for nothing each
month, for ever, where nothing else of it uses that up.

## Idle: a month in which nobody calls, default parameters

{idle}

Lambda polls a queue without messages with five pollers (<{pollers}>): two queues are a little more than SQS's free
million. Each live model adds, since it is fitted hourly, also without events:

{live_model}

What bills while idle is off by default: `WebAcl` some 7 a month, `KmsKeyArn` 1, `Dashboard` 3 beyond an account's
first three, `SnapStart` and `RankProvisionedConcurrency` by memory and hours (1 GB of the latter: 11), an eleventh
alarm 0.10. `ReservedConcurrency` costs nothing. Cognito: 10,000 people a month are free, a thousand tokens of
machines cost 2.25, so keep one for its hour. Until 2025 each client of a machine cost 6 a month, and a stack has two:
AWS's documentation no longer names that
(<https://docs.aws.amazon.com/cognito/latest/developerguide/tracking-cost.html>), but look at your bill. `OidcIssuer`
does without Cognito.

## A million rankings: 100 offers, one a request

{rankings}

`/rankings/batch` takes many requests in one call, and pays for API Gateway, the call and its lines once.

## A million events from browsers and apps

{events}

Not in it: Firehose's jq, 0.07 an hour of its processing. Of events from a pipeline of yours, which puts objects into
S3, only what begins at S3's events: {counting} at list price.

## Limits on paper

Which quota binds, and at which rate; on paper, not measured. AWS raises all on request but that of one item and one
prefix.

| quota | default | binds at, a second | why |
| --- | --- | --- | --- |
{quotas}

| requests a second | what binds there, ranking | what binds there, collecting | ranking, a month at list price |
| --- | --- | --- | --- |
{rates}

At 10,000: both parameters raised; API Gateway and Lambda to 20,000 a second and 2,000 environments, so that a burst
finds room; Firehose to 10,000 requests and 20 MiB a second. Ranking through the function's own URL does without API
Gateway, its price and its quota.

## Prices

| what | USD | a | free a month | page |
| --- | --- | --- | --- | --- |
{prices}
"""


def document() -> str:
    """docs/cost.md."""
    return _PAGE.format(
        as_of=AS_OF,
        pollers=POLLERS_SAID,
        idle=_table(idle(counted())),
        live_model=_table(live_model()),
        rankings=_table(rankings()),
        events=_table(events()),
        counting=f"{total(counting(), free=False):.2f}",
        quotas="\n".join(
            f"| {one.what} | {one.there:,.0f} | {one.binds_at:,.0f} | {one.why} |"
            for one in sorted(QUOTAS, key=lambda one: one.binds_at)
        ),
        rates="\n".join(
            f"| {rate:,} | {_bound(rate, ranking=True)} | {_bound(rate, ranking=False)} | {_month(rate):,.0f} |"
            for rate in RATES
        ),
        prices="\n".join(
            f"| {name} | {f'{one.usd:.10f}'.rstrip('0')} | {one.unit} | {one.free:,.0f} | <{one.page}> |"
            for name, one in PRICES.items()
        ),
    )


def _month(rate: float) -> float:
    return rate * HOURS * 3600 / MILLION * total(rankings(), free=False)


def _bound(rate: float, *, ranking: bool) -> str:
    """The quotas that bind at a rate or below, the lowest first."""
    of_collecting = ("EdgeRate", "Firehose", "caps")
    bound = [
        one
        for one in sorted(QUOTAS, key=lambda one: one.binds_at)
        if one.binds_at <= rate
        and not (ranking and any(name in one.what + one.why for name in of_collecting))
        and not (not ranking and one.what.startswith(("parameter `ApiRate", "parameter `Rankings")))
    ]
    return "; ".join(f"{one.what} ({one.binds_at:,.0f})" for one in bound) or "none"


def _table(lines: Sequence[Line]) -> str:
    return "\n".join(["| | amount | | USD |", "| --- | --- | --- | --- |", *_rows(lines)])


def _rows(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        amount = f"{line.amount:,.0f}" if line.amount >= 10 or line.amount == int(line.amount) else f"{line.amount:.3f}"
        yield f"| {line.what} | {amount} {PRICES[line.price].unit.partition(',')[0]} | {line.why} | {line.usd:.3f} |"
    yield f"| **at list price** | | | **{total(lines, free=False):.2f}** |"
    yield f"| **with what is free** | | | **{total(lines, free=True):.2f}** |"


if __name__ == "__main__":
    print(document(), end="")
