"""What the alarms of infra/alarms.yaml watch is told when it happens."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from offer_ranking.collecting.collector import Collector
from offer_ranking.counting.accounting import Accounting, AccountingMismatchError
from offer_ranking.ranking.served import Served, Source
from tests.support.collecting import FakeCaps, FakeDelivery
from tests.support.door import a_door, query, scope
from tests.support.system import System, display, handler


def told(capsys: pytest.CaptureFixture[str], metric: str) -> list[tuple[float, dict[str, Any]]]:
    """The values of a metric since last asked, each with its line in CloudWatch's embedded metric format."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    return [(sum(line[metric]), line) for line in lines if metric in line]


def test_a_bad_object_is_told_under_the_name_and_dimension_that_its_alarm_has(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset, _ = system.live_model()
    key = dataset["prefix"] + "bad.gz"
    boto3.client("s3").put_object(Bucket=dataset["bucket"], Key=key, Body=b"\x1f\x8b\x08 no gzip")
    good = system.put(dataset, "good.json.gz", [display("a")])
    capsys.readouterr()
    assert system.notify(dataset["bucket"], key, good) == [], "the rest of the batch goes on"
    ((value, line),) = told(capsys, "BadObjects")
    (found,) = line["_aws"]["CloudWatchMetrics"]
    assert (value, found["Namespace"], found["Dimensions"]) == (1, "OfferRanking", [["service"]])
    assert line["service"] == "refresh_rankings"


def test_a_bad_object_is_told_again_only_when_it_is_bad_in_another_way(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each sweep looks again at an archived object: its alarm rang every day, and so of no other object."""
    dataset, _ = system.live_model()
    place = {"Bucket": dataset["bucket"], "Key": system.put(dataset, "a.json.gz", [display("a")])}
    client = boto3.client("s3")
    client.copy_object(**place, CopySource=place, StorageClass="GLACIER")

    def times() -> int:
        capsys.readouterr()
        handler("refresh_rankings").lambda_handler({"hint": "sweep"}, None)
        system.settle()
        return len(told(capsys, "BadObjects"))

    assert [times(), times(), times()] == [1, 0, 0]
    for body in (b"\x1f\x8b\x08 no gzip", b"\x1f\x8b\x08 nor this"):
        client.put_object(**place, Body=body)
        assert [times(), times()] == [1, 0]


def test_an_account_that_does_not_add_up_is_told_and_its_message_comes_again(
    system: System, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, _ = system.live_model()
    key = system.put(dataset, "a.json.gz", [display("a")])

    def count(*_: Any) -> Accounting:
        return Accounting(received=2, counted=1)

    monkeypatch.setattr(type(handler("refresh_rankings").counting), "count", count)
    capsys.readouterr()
    assert system.notify(dataset["bucket"], key) == ["0"]
    ((value, _),) = told(capsys, "AccountingMismatches")
    assert value == 1


def test_more_conversions_than_impressions_are_told_and_the_model_ranks_all_the_same(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset, model = system.live_model()
    system.land(
        dataset, "clicks.json.gz", [display("a"), *(display("a", kind="interact") for _ in range(3)), display("b")]
    )
    ((value, _),) = told(capsys, "RepairedCounts")
    assert value == 1
    reply = system.call("POST", f"/models/{model['id']}/rankings", {"offers": [{"id": "a"}, {"id": "b"}]})
    assert (reply.status, reply.json["source"], len(reply.json["offers"])) == (200, "fresh", 2)


def measures(caplog: pytest.LogCaptureFixture) -> dict[str, float]:
    """Those in the line of the last request, as CloudWatch finds them."""
    line = [vars(record) for record in caplog.records if record.getMessage() == "request"][-1]
    if "_aws" not in line:
        return {}
    (told,) = line["_aws"]["CloudWatchMetrics"]
    assert (told["Namespace"], told["Dimensions"]) == ("OfferRanking", [[]]), "one metric of a stack, whoever tells"
    found = {one["Name"]: line[one["Name"]] for one in told["Metrics"]}
    assert found.pop("Latency", line["milliseconds"]) == line["milliseconds"]
    return found


def test_a_ranking_tells_how_long_it_took_whether_it_fell_back_and_how_old_its_snapshot_is(
    system: System, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, model = system.live_model()
    path, offers = f"/models/{model['id']}/rankings", {"offers": [{"id": "a"}]}
    system.call("POST", path, offers)
    assert measures(caplog) == {"Fallback": 0}, "there is no snapshot yet"
    assert caplog.records[-1].__dict__["Latency"] > 0

    system.land(dataset, "a.json.gz", [display("a")])
    as_of = handler("rank_offers").serving.serve(model["id"]).snapshot.as_of
    handler("rank_offers").serving.measures()
    monkeypatch.setattr("offer_ranking.storage.serving.time.time", lambda: as_of + 11_000)
    system.call("POST", path, offers)
    assert measures(caplog) == {"Fallback": 0, "SnapshotAge": 11_000}

    monkeypatch.setattr(handler("rank_offers").serving, "_read", lambda _id, _before: Served(Source.FALLBACK))
    handler("rank_offers").serving._kept.clear()
    system.call("POST", path, offers)
    assert measures(caplog) == {"Fallback": 1}

    system.call("POST", path, {"offers": "none"})
    assert measures(caplog) == {}, "nothing was ranked"


def test_a_request_tells_which_share_of_its_displays_and_interacts_nothing_proves(
    system: System, caplog: pytest.LogCaptureFixture
) -> None:
    door = a_door(system)
    keys, own = handler("collect_events").token_keys.keys, FakeDelivery()
    handler("collect_events").collector = Collector(keys, FakeCaps(), own)
    answered = door.propositions(query(scope()))
    (proven,) = [one for one in answered if one["scopeDetails"].get("characteristics")]
    forged = {"id": "p", "scope": "home", "items": [{"id": "a"}]}
    events = [shown(proven), shown(proven), shown(proven), shown(forged), {"xdm": {"eventType": "web.pageView"}}]
    assert door.call("/v1/collect", {"events": events}).status == 204
    assert measures(caplog)["Untrusted"] == 0.25
    assert door.call("/v1/collect", {"events": events[-1:]}).status == 204
    assert measures(caplog) == {}, "nothing was there to prove"


def shown(proposition: dict[str, Any]) -> dict[str, Any]:
    decisioning = {"propositionEventType": {"display": 1}, "propositions": [proposition]}
    return {"xdm": {"eventType": "decisioning.propositionDisplay", "_experience": {"decisioning": decisioning}}}


def test_lines_that_do_not_add_up_are_no_account() -> None:
    with pytest.raises(AccountingMismatchError):
        Accounting(received=1)
