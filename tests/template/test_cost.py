"""docs/cost.md is what infra/cost.py prints, and that counts what the templates have."""

from __future__ import annotations

from pathlib import Path

from infra import cost
from offer_ranking.ranking.quota import BLOCKS, WINDOW_SECONDS
from tests.support.template import Template, Templates

ROOT = Path(__file__).parents[2]


def test_the_document_is_what_is_printed() -> None:
    printed, written = cost.document(), (ROOT / "docs/cost.md").read_text()
    assert written == printed, "python -m infra.cost > docs/cost.md"


def test_an_idle_month_costs_a_dollar_at_most() -> None:
    lines = cost.idle(cost.counted())
    assert cost.total(lines, free=True) <= 1
    assert cost.total(lines + cost.live_model() * 10, free=True) <= 1, "with ten live models, too"


def test_what_bills_while_idle_is_counted_as_sam_makes_it(templates: Templates) -> None:
    has, made = cost.counted(), templates
    assert sum(has.schedules.values()) == len(made.of("AWS::Scheduler::Schedule"))
    assert has.queues == len(made.of("AWS::Lambda::EventSourceMapping"))
    assert has.log_groups == len(made.of("AWS::Logs::LogGroup"))
    assert has.alarms == len(made.of("AWS::CloudWatch::Alarm"))
    assert has.alarms <= cost.PRICES["alarm"].free


def test_what_is_free_is_taken_off_once() -> None:
    two = [cost.Line("", "queue", 800_000, ""), cost.Line("", "queue", 800_000, "")]
    assert round(cost.total(two, free=True), 6) == 0.24
    assert round(cost.total(two, free=False), 6) == 0.64


def test_time_is_billed_by_whole_milliseconds_of_the_memory_that_functions_have(system: Template) -> None:
    functions = system.of("AWS::Lambda::Function")
    assert {functions[name]["MemorySize"] for name in ("RankOffers", "CollectEvents")} == {1024}
    assert functions["RefreshRankings"]["MemorySize"] == 2048
    assert cost._billed(1.0, cost.CORE_MB) == 1
    assert cost._billed(1.01, cost.CORE_MB) == 2
    assert cost._billed(1.0, cost.CORE_MB // 2) == 3


def test_our_own_bounds_are_those_of_the_template(system: Template) -> None:
    parameters = system.document["Parameters"]
    ours = {one.what.partition("`")[2].rstrip("`"): one.there for one in cost.QUOTAS if "parameter" in one.what}
    assert ours == {name: parameters[name]["Default"] for name in ours}
    assert -(-ours["RankingsPerSecondPerClient"] * WINDOW_SECONDS // BLOCKS) == cost.QUOTA_BLOCK
