"""Links of mails, from the link to the line that is counted."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from offer_ranking.collecting.collector import Collector
from offer_ranking.collecting.mail import AUTOMATIC, PIXEL, MailAnswer, click_mail, open_mail
from offer_ranking.collecting.trust import MAIL_LIFE
from offer_ranking.events.mail_link import LinkMaker
from offer_ranking.events.proposition_event import Kind, Other, PropositionEvent, parse_event
from offer_ranking.events.token import Token, TokenKey, TokenKeys, sign
from tests.support.collecting import KEYS, NOW_MS, SOURCE, FakeCaps, FakeDelivery, a_token, datastream

LINKS = LinkMaker("https://edge.test/ee", KEYS.current)
SHOP = "https://shop.example/summer"
PERSON = {"user-agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"}
DAY_MS = 86_400_000


def a_mails_token(**fields: Any) -> Token:
    return a_token("summer", **{"offers": (("summer", 0.25),), "etags": ("7",)} | fields)


def opened(text: str = "", method: str = "GET", now_ms: int = NOW_MS, **headers: str) -> MailAnswer:
    link = LINKS.open_url(text or sign(a_mails_token(), KEYS.current)).rpartition("/")[2]
    return open_mail(link, method, PERSON | named(headers), KEYS, now_ms=now_ms)


def clicked(text: str = "", method: str = "GET", now_ms: int = NOW_MS, **headers: str) -> MailAnswer:
    link = LINKS.click_url(text or sign(a_mails_token(), KEYS.current), SHOP).rpartition("/")[2]
    return click_mail(link, method, PERSON | named(headers), KEYS, now_ms=now_ms)


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def lines(*answers: MailAnswer, now_ms: int = NOW_MS) -> list[dict[str, Any]]:
    """What the collector stores of them."""
    delivery = FakeDelivery()
    collector = Collector(lambda: KEYS, FakeCaps(), delivery)
    for answer in answers:
        if answer.events:
            collector.take(answer.events, datastream=datastream(), source=SOURCE, now_ms=now_ms, life=MAIL_LIFE)
    return delivery.lines


def counted(*answers: MailAnswer, now_ms: int = NOW_MS) -> list[tuple[Kind, str, str, str]]:
    found = [parse_event(line) for line in lines(*answers, now_ms=now_ms)]
    assert all(isinstance(one, PropositionEvent) for one in found)
    return [
        (one.kind, offer.offer, offer.etag, offer.token)
        for one in found
        if isinstance(one, PropositionEvent)
        for offer in one.offers
    ]


def test_an_opened_mail_is_answered_with_an_image_and_counts_as_an_impression() -> None:
    text = sign(a_mails_token(), KEYS.current)
    answer = opened(text)
    assert (answer.status, answer.body, len(PIXEL)) == (200, PIXEL, 43)
    assert answer.headers == {"Cache-Control": "no-store", "Content-Type": "image/gif"}
    assert answer.datastream == "shop"
    assert counted(answer) == [(Kind.IMPRESSION, "summer", "7", text)]


def test_a_click_leads_to_the_address_and_counts_as_a_conversion_of_an_opened_mail() -> None:
    text = sign(a_mails_token(), KEYS.current)
    answer = clicked(text)
    assert (answer.status, answer.body) == (302, b"")
    assert answer.headers == {"Cache-Control": "no-store", "Location": SHOP}
    assert counted(answer) == [(Kind.IMPRESSION, "summer", "7", text), (Kind.CONVERSION, "summer", "7", text)]


def test_an_open_a_click_and_each_of_them_again_are_one_display_and_one_interact_of_one_token() -> None:
    text = sign(a_mails_token(), KEYS.current)
    found = counted(opened(text), clicked(text), opened(text), clicked(text))
    assert set(found) == {(Kind.IMPRESSION, "summer", "7", text), (Kind.CONVERSION, "summer", "7", text)}
    again = [event["_id"] for event in (*opened(text).events, *clicked(text).events)]
    assert len(set(again)) == 2


def test_events_say_that_they_come_from_a_mail() -> None:
    (event,) = opened().events
    assert event["channel"] == {
        "_id": "https://ns.adobe.com/xdm/channels/email",
        "_type": "https://ns.adobe.com/xdm/channel-types/email",
    }
    (proposition,) = event["_experience"]["decisioning"]["propositions"]
    assert proposition["scopeDetails"]["characteristics"]["channelType"] == "email"
    assert proposition["items"] == [{"id": "summer"}]
    (line,) = lines(opened())
    assert line["channel"] == event["channel"]
    assert line["offerRanking"]["trust"] == "signed"
    (stored,) = line["_experience"]["decisioning"]["propositions"]
    assert stored["scopeDetails"]["characteristics"]["channelType"] == "email"


def test_a_mail_ranked_while_the_store_was_away_teaches_nothing() -> None:
    text = sign(a_mails_token(snapshot_version=0, traffic_type="noncontextual"), KEYS.current)
    assert [parse_event(line) for line in lines(opened(text))] == [Other()]


@pytest.mark.parametrize(("days", "teaches"), [(0, True), (3, True), (30, True), (31, False), (400, False)])
def test_a_mail_teaches_for_thirty_days_and_leads_on_afterwards(days: int, teaches: bool) -> None:
    now_ms = NOW_MS + days * DAY_MS - 5000  # the token was issued five seconds before
    assert bool(opened(now_ms=now_ms).events) is teaches
    click = clicked(now_ms=now_ms)
    assert (bool(click.events), click.headers["Location"]) == (teaches, SHOP)
    if teaches:
        assert [kind for kind, *_ in counted(click, now_ms=now_ms)] == [Kind.IMPRESSION, Kind.CONVERSION]
    assert timedelta(days=30) == MAIL_LIFE


@pytest.mark.parametrize("agent", [f"Mozilla/5.0 (compatible; {mark.upper()}1.0)" for mark in AUTOMATIC] + [
    "", "   ", "Barracuda Sentinel (EE)", "python-requests/2.32.3", "curl/8.9.1", "Wget/1.21",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "facebookexternalhit/1.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/93.0 Safari/537.36 BingPreview/1.0b",
])  # fmt: skip
def test_what_is_no_person_teaches_nothing_and_is_answered_alike(agent: str) -> None:
    assert opened(user_agent=agent) == MailAnswer(200, opened().headers, PIXEL)
    assert clicked(user_agent=agent) == MailAnswer(302, clicked().headers)


def test_a_request_without_a_user_agent_teaches_nothing() -> None:
    link = LINKS.open_url(sign(a_mails_token(), KEYS.current)).rpartition("/")[2]
    assert open_mail(link, "GET", {}, KEYS, now_ms=NOW_MS).events == ()


@pytest.mark.parametrize("agent", [
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Mozilla/5.0",  # Apple's privacy proxy
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.16327; Pro)",
    "Mozilla/5.0 (Linux; Android 12; CUBOT X50) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36",
])  # fmt: skip
def test_mail_programs_and_the_proxies_that_load_what_somebody_looks_at_are_persons(agent: str) -> None:
    assert opened(user_agent=agent).events
    assert clicked(user_agent=agent).events


@pytest.mark.parametrize(
    "headers",
    [
        {"purpose": "prefetch"},
        {"sec_purpose": "prefetch;prerender"},
        {"sec_purpose": "Prefetch; anonymous-client-ip"},
        {"x_purpose": "preview"},
        {"x_moz": "prefetch"},
    ],
)
def test_what_is_fetched_ahead_teaches_nothing_and_is_answered_alike(headers: dict[str, str]) -> None:
    assert opened(**headers) == MailAnswer(200, opened().headers, PIXEL)
    assert clicked(**headers) == MailAnswer(302, clicked().headers)


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS", ""])
def test_other_methods_teach_nothing(method: str) -> None:
    assert opened(method=method) == MailAnswer(200, opened().headers, PIXEL)
    assert clicked(method=method) == MailAnswer(302, clicked().headers)


BAD = [
    "",
    "x",
    "..",
    "a.b.c.d",
    "\ud800",
    "x" * 100_000,
    "https://evil.example/",
    "%0d%0aLocation:%20https://evil.example",
]


@pytest.mark.parametrize("link", BAD)
def test_a_bad_image_is_an_image_all_the_same_and_a_bad_click_leads_nowhere(link: str) -> None:
    assert open_mail(link, "GET", PERSON, KEYS, now_ms=NOW_MS) == MailAnswer(200, opened().headers, PIXEL)
    answer = click_mail(link, "GET", PERSON, KEYS, now_ms=NOW_MS)
    assert (answer.status, answer.events) == (404, ())
    assert "Location" not in answer.headers
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.body)["status"] == 404


def test_a_link_of_another_deployment_counts_nothing_and_leads_nowhere() -> None:
    others = LinkMaker("https://edge.test/ee", TokenKey(KEYS.current.id, b"x" * 32))
    text = sign(a_mails_token(), others.key)
    image, click = (url.rpartition("/")[2] for url in (others.open_url(text), others.click_url(text, SHOP)))
    assert open_mail(image, "GET", PERSON, KEYS, now_ms=NOW_MS).events == ()
    assert click_mail(click, "GET", PERSON, KEYS, now_ms=NOW_MS).status == 404


def test_without_keys_an_image_is_shown_and_a_click_is_to_be_tried_again() -> None:
    keys: TokenKeys | None = None
    assert open_mail("x", "GET", PERSON, keys, now_ms=NOW_MS) == MailAnswer(200, opened().headers, PIXEL)
    answer = click_mail("x", "GET", PERSON, keys, now_ms=NOW_MS)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
