"""Rankings for mails: each offer with its own signed links."""

from __future__ import annotations

import os
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from offer_ranking.collecting.collector import Collector
from offer_ranking.collecting.mail import MailAnswer, click_mail, open_mail
from offer_ranking.collecting.trust import MAIL_LIFE
from offer_ranking.events.mail_link import LinkKind, read_link
from offer_ranking.events.visitor import visitor_by, visitor_of
from offer_ranking.storage.datastreams import Datastreams
from tests.functions.test_datasets import problem
from tests.functions.test_rankings import rankings
from tests.support.collecting import FakeCaps, FakeDelivery
from tests.support.system import Reply, System, handler
from tests.unit.events.test_mail_link import BAD_ADDRESSES

OFFERS = [{"id": offer, "etag": "3", "link": f"https://shop.example/{offer}"} for offer in "abc"] + [{"id": "d"}]
PERSON = {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"}


@pytest.fixture
def mailer(system: System) -> tuple[System, dict[str, Any], dict[str, Any]]:
    """A live model, and a datastream of its dataset."""
    dataset, model = system.live_model()
    return system, model, system.create_datastream(dataset["id"])


def mail(mailer: Any, **more: Any) -> Reply:
    system, model, datastream = mailer
    body = {"offers": OFFERS, "channel": "email", "datastreamId": datastream["id"], "profileId": "ada"} | more
    reply: Reply = rankings(system, model, {key: value for key, value in body.items() if value is not None})
    return reply


def keys() -> Any:
    return handler("rank_offers").token_keys.keys()


def test_each_offer_of_a_mail_has_an_image_and_those_with_a_link_a_way_to_it(mailer: Any) -> None:
    _, model, datastream = mailer
    answer = mail(mailer, seed=7).json
    for offer in answer["offers"]:
        base, _, sealed = offer["openURL"].rpartition("/")
        assert base == os.environ["EDGE_URL"] + "/v1/open"
        token = read_link(LinkKind.OPEN, sealed, keys()).token
        assert token.offers == ((offer["id"], round(offer["propensity"], 9)),)
        assert token.given() == (offer["id"],)
        assert token.etags == (() if offer["id"] == "d" else ("3",))
        assert (token.model, token.datastream) == (model["id"], datastream["id"])
        assert token.visitor == visitor_by("ada", keys().current) != visitor_of("ada"), "nobody else can try names"
        assert token.proposition == answer["rankingId"]
    with_link = [offer for offer in answer["offers"] if offer["id"] != "d"]
    assert ["clickURL" in offer for offer in answer["offers"]] == [offer["id"] != "d" for offer in answer["offers"]]
    for offer in with_link:
        base, _, sealed = offer["clickURL"].rpartition("/")
        assert base == os.environ["EDGE_URL"] + "/v1/click"
        link = read_link(LinkKind.CLICK, sealed, keys())
        assert link.address == f"https://shop.example/{offer['id']}"
        assert (
            f"{link.text}." in offer["openURL"]
        )  # one token, so that a click tells of an open that is not counted twice


def test_other_rankings_have_no_links_and_other_mails_no_visitor(mailer: Any) -> None:
    assert all("openURL" not in offer for offer in mail(mailer, channel=None, datastreamId=None).json["offers"])
    (first, *_) = mail(mailer, profileId=None).json["offers"]
    assert read_link(LinkKind.OPEN, first["openURL"].rpartition("/")[2], keys()).token.visitor == ""


def test_a_count_cuts_a_mail_too(mailer: Any) -> None:
    (only,) = mail(mailer, count=1).json["offers"]
    assert only["openURL"]


def test_a_mail_of_all_offers_that_a_model_knows_has_images(mailer: Any) -> None:
    system, model, datastream = mailer
    from tests.functions.test_loop import events  # noqa: PLC0415 - only here

    dataset = system.call("GET", f"/datasets/{model['datasetIds'][0]}").json
    system.land(dataset, "day.json", events("a", 10, 5))
    body = {"channel": "email", "datastreamId": datastream["id"]}
    (offer,) = rankings(system, model, body).json["offers"]
    assert "openURL" in offer
    assert "clickURL" not in offer


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"datastreamId": None}, "/datastreamId"),
        ({"datastreamId": "nowhere"}, "/datastreamId"),
        ({"channel": None}, "/datastreamId"),
        ({"channel": "sms"}, "/channel"),
        ({"offers": [{"id": str(n)} for n in range(31)]}, "/count"),
        ({"offers": [{"id": str(n)} for n in range(99)], "count": 31}, "/count"),
        ({"offers": [{"id": "a", "link": 5}]}, "/offers/0/link"),
        *(({"offers": [{"id": "a"}, {"id": "b", "link": bad}]}, "/offers/1/link") for bad in BAD_ADDRESSES),
    ],
)
def test_a_mail_that_cannot_be_is_refused_with_the_field_that_is_wrong(
    mailer: Any, change: dict[str, Any], pointer: str
) -> None:
    status, kind, pointers = problem(mail(mailer, **change))
    assert (status, kind, pointers[0]) == (422, "invalid", pointer)


def test_a_batch_of_mails_names_the_request_that_is_wrong(mailer: Any) -> None:
    system, model, datastream = mailer
    good = {"offers": OFFERS, "channel": "email", "datastreamId": datastream["id"]}
    path = f"/models/{model['id']}/rankings/batch"
    reply = system.call("POST", path, {"requests": [good, good | {"datastreamId": "nowhere"}]})
    assert problem(reply) == (422, "invalid", ["/requests/1/datastreamId"])
    both = system.call("POST", path, {"requests": [good, good]}).json["rankings"]
    assert len({offer["openURL"] for ranking in both for offer in ranking["offers"]}) == 8


def test_a_batch_larger_than_lambda_gives_is_refused(mailer: Any) -> None:
    system, model, datastream = mailer
    offers = [{"id": f"{n}", "link": "https://shop.example/" + "x" * 2000} for n in range(30)]
    mails = [{"offers": offers, "channel": "email", "datastreamId": datastream["id"]}] * 100
    reply = system.call("POST", f"/models/{model['id']}/rankings/batch", {"requests": mails})
    assert problem(reply)[:2] == (413, "too-large")


def test_without_keys_a_mail_has_no_links_rather_than_no_ranking(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler("rank_offers"), "_keys", lambda: None)
    answer = mail(mailer)
    assert answer.status == 200
    assert all("openURL" not in offer and "clickURL" not in offer for offer in answer.json["offers"])


def test_while_the_store_is_away_a_datastream_is_believed(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://store.test")

    monkeypatch.setattr(handler("rank_offers").datastreams, "_read", away)
    assert "openURL" in mail(mailer).json["offers"][0]


def test_a_replay_of_a_mails_request_is_answered_without_links(mailer: Any) -> None:
    system, model, datastream = mailer
    body = {"offers": OFFERS, "channel": "email", "datastreamId": datastream["id"], "seed": 7, "snapshotVersion": 0}
    reply = system.call("POST", f"/models/{model['id']}/rankings/replay", body)
    assert reply.status == 200
    assert all("openURL" not in offer for offer in reply.json["offers"])


def test_mails_that_are_opened_and_clicked_are_the_reports_counts(mailer: Any) -> None:
    """The mailer's own log against the report, each open and each click taken twice, and scanned once before."""
    system, model, datastream = mailer
    delivery = FakeDelivery()
    collector = Collector(keys, FakeCaps(), delivery)
    stored = Datastreams(boto3.client("dynamodb"), "Catalog").get(datastream["id"])
    opens, clicks = dict.fromkeys("abcd", 0), dict.fromkeys("abcd", 0)

    def take(answer: MailAnswer, source: str, now_ms: int) -> None:
        if answer.events:
            assert answer.datastream == datastream["id"]
            collector.take(answer.events, datastream=stored, source=source, now_ms=now_ms, life=MAIL_LIFE)

    for n in range(40):
        offer = mail(mailer, count=1, profileId=f"person {n}").json["offers"][0]
        now_ms, source = handler("rank_offers")._now_ms() + 1000, f"198.51.100.{n}"
        image, way = (offer[key].rpartition("/")[2] if key in offer else "" for key in ("openURL", "clickURL"))
        take(open_mail(image, "GET", {"user-agent": "Barracuda Sentinel (EE)"}, keys(), now_ms=now_ms), source, now_ms)
        if n % 4 < 3:
            opens[offer["id"]] += 1
            for _ in range(2):
                take(open_mail(image, "GET", PERSON, keys(), now_ms=now_ms), source, now_ms)
        if way and (n % 4 == 0 or n % 4 == 3):
            clicks[offer["id"]] += 1
            opens[offer["id"]] += n % 4 == 3  # images were blocked
            for _ in range(2):
                take(click_mail(way, "GET", PERSON, keys(), now_ms=now_ms), source, now_ms)
    dataset = system.call("GET", f"/datasets/{model['datasetIds'][0]}").json
    system.land(dataset, "mails.json", [line.decode() for lines in delivery.stored.values() for line in lines])
    report = system.call("GET", f"/models/{model['id']}/report").json
    told = {offer["id"]: (offer["impressions"], offer["conversions"]) for offer in report["offers"]}
    assert {id_: told.get(id_, (0, 0)) for id_ in "abcd"} == {id_: (opens[id_], clicks[id_]) for id_ in "abcd"}
