"""`make evaluate`: a file of records, of any size; and what real logged traffic says of other policies."""

from __future__ import annotations

import gzip
import json
import os
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra import evaluate
from offer_ranking.measuring import imported_log
from offer_ranking.measuring.target import policy_of
from tests.functions.test_open_bandit import pytestmark as open_bandit_needed
from tests.functions.test_open_bandit import rows
from tests.support.aws import ENVIRONMENT
from tests.support.system import System, display

ESTIMATES = ("inversePropensity", "selfNormalised", "doublyRobust")


def written(path: Path, records: Iterable[dict[str, Any]], *, zipped: bool = False) -> Path:
    with gzip.open(path, "wt") if zipped else path.open("w") as file:
        file.writelines(json.dumps(one) + "\n" for one in records)
    return path


def record(n: int) -> dict[str, Any]:
    return {"offers": ["a", "b", "c"], "chosen": "abc"[n % 3], "propensity": 1 / 3, "converted": n % 7 == 0}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> tuple[int, Any, str]:
        monkeypatch.setattr(sys, "argv", ["evaluate", *map(str, arguments)])
        capsys.readouterr()  # what handlers logged before
        code = evaluate.main()
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err

    return run


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_a_file_is_judged_as_the_same_records_in_a_request_are(
    system: System, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool
) -> None:
    monkeypatch.setattr(imported_log, "_RECORDS_AT_ONCE", 70)  # in several parts
    records = [record(n) for n in range(300)]
    code, found, _ = run(written(tmp_path / "log", records, zipped=zipped), "priority:b,a")
    assert code == 0
    model = system.create_model([system.create_dataset()["id"]])
    body = {"target": {"policy": "priority", "order": ["b", "a"]}, "log": records}
    asked = system.call("POST", f"/models/{model['id']}/evaluate", body).json
    # the two number their records from 0 and from 1, and the halves for the rates follow the numbers
    for name in ("inversePropensity", "selfNormalised"):
        assert found[name]["value"] == pytest.approx(asked[name]["value"], rel=1e-12)
        assert found[name]["ratioInterval"] == pytest.approx(asked[name]["ratioInterval"], rel=1e-9)
    assert found["doublyRobust"]["value"] == pytest.approx(asked["doublyRobust"]["value"], abs=0.02)
    assert found["records"] == 300


def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imported_log, "_RECORDS_AT_ONCE", 500)
    monkeypatch.setattr(evaluate, "_CONTESTS_REMEMBERED", 100)
    peaks = []
    for count in (2_000, 8_000):
        path = written(tmp_path / f"{count}", (record(n) | {"context": {"n": n}} for n in range(count)))
        tracemalloc.start()
        evaluate.evaluate_file(path, policy_of(evaluate.read_target("uniform")) or pytest.fail("uniform is known"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]


@pytest.fixture
def stack(system: System) -> System:
    """The storage stack as one machine has it: its outputs name what the functions use."""
    outputs = {"CatalogName": "CATALOG_TABLE", "LedgerName": "LEDGER_TABLE", "StateName": "STATE_BUCKET"}
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": ENVIRONMENT[variable]} for name, variable in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName="Storage", TemplateBody=json.dumps(template))
    return system


def test_what_a_model_has_learned_is_read_from_the_stack(
    stack: System, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, model = stack.live_model(settings={"randomShare": 0.2})
    events = [display(offer) for offer in "abc" for _ in range(60)]
    events += [display("a", kind="interact") for _ in range(50)] + [display("b", kind="interact") for _ in range(3)]
    stack.land(dataset, "a.json", events)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    (tmp_path / "env").write_text("AWS_REGION=us-east-1\n")
    log = written(tmp_path / "log", (record(n) for n in range(90)))
    for target in (f"model:{model['id']}", "current", '{"policy": "settings", "settings": {"randomShare": 0.2}}'):
        code, found, said = run(log, target, "--model", model["id"], "--folder", tmp_path)
        assert code == 0, said
        assert found["largestWeight"] == pytest.approx(3 * (0.8 + 0.2 / 3), abs=0.01), "a is first but for the random"
    code, _, said = run(log, "current", "--folder", tmp_path)
    assert (code, "needs a model" in said) == (1, True)
    code, _, said = run(log, "model:missing", "--folder", tmp_path)
    assert (code, "missing" in said) == (1, True)
    assert os.environ["AWS_DEFAULT_REGION"] == "us-east-1"


@pytest.mark.parametrize(
    ("target", "code", "told"),
    [
        ("best", 2, "policy"),
        ("priority:", 2, "order"),
        ("priority:a,a", 2, "order"),
        ('{"policy": "uniform", "order": ["a"]}', 2, "order"),
        ("{", 2, "Invalid JSON"),
        ("uniform", 1, "line 2: chosen"),
        ("current", 1, "env"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_a_line(
    run: Any, tmp_path: Path, target: str, code: int, told: str
) -> None:
    log = written(tmp_path / "log", [record(0), record(1) | {"chosen": "z"}])
    found, nothing, said = run(log, target, "--folder", tmp_path)
    assert (found, nothing) == (code, None)
    assert told in said
    assert len(said.splitlines()) == 1


def open_bandit(name: str) -> Iterator[dict[str, Any]]:
    """A campaign's log as records: 34 or 80 offers compete for each impression."""
    offers = sorted({row["item_id"] for row in rows(name)})
    for row in rows(name):
        yield {
            "offers": offers,
            "chosen": row["item_id"],
            "propensity": float(row["propensity_score"]),
            "converted": row["click"] == "1",
        }


@open_bandit_needed
def test_uniform_judged_by_uniform_traffic_earned_what_that_earned(run: Any, tmp_path: Path) -> None:
    log = list(open_bandit("men-random"))
    code, found, _ = run(written(tmp_path / "log.gz", log, zipped=True), "uniform")
    clicks = sum(one["converted"] for one in log)
    assert (code, found["records"], clicks) == (0, 10_000, 46)
    mean = clicks / len(log)
    assert found["inversePropensity"]["value"] == found["selfNormalised"]["value"] == found["logging"]["value"] == mean
    assert found["inversePropensity"]["ratioInterval"] == [1.0, 1.0]
    assert found["effectiveSampleSize"] == 10_000
    assert found["enoughData"]


@open_bandit_needed
@pytest.mark.parametrize("name", ["men-random", "men-bts", "all-bts"])
@pytest.mark.parametrize("target", ["uniform", "priority:3,14,2"])
def test_real_traffic_is_judged_as_a_plain_count_judges_it(run: Any, tmp_path: Path, name: str, target: str) -> None:
    log = list(open_bandit(name))
    code, found, _ = run(written(tmp_path / "log", log), target)
    assert code == 0
    weights = [
        (1 / len(one["offers"]) if target == "uniform" else one["chosen"] == "3") / one["propensity"] for one in log
    ]
    earned = [weight * one["converted"] for weight, one in zip(weights, log, strict=True)]
    assert found["inversePropensity"]["value"] == pytest.approx(sum(earned) / len(log), rel=1e-9)
    assert found["selfNormalised"]["value"] == pytest.approx(sum(earned) / sum(weights), rel=1e-9)
    assert found["logging"]["value"] == pytest.approx(sum(one["converted"] for one in log) / len(log), rel=1e-12)
    assert found["effectiveSampleSize"] == pytest.approx(sum(weights) ** 2 / sum(w * w for w in weights), rel=1e-9)
    assert found["largestWeight"] == pytest.approx(max(weights), rel=1e-12)
    if name == "men-random" and target == "uniform":
        assert found["enoughData"]
    if target != "uniform":
        assert not found["enoughData"], "one offer of so many has too few clicks to say anything"


@open_bandit_needed
def test_thompson_sampling_without_a_random_share_leaves_a_log_that_says_little_and_says_so(
    run: Any, tmp_path: Path
) -> None:
    _, found, _ = run(written(tmp_path / "log", open_bandit("men-bts")), "uniform")
    assert found["largestWeight"] > 50
    assert found["effectiveSampleSize"] < 10_000 / 2
