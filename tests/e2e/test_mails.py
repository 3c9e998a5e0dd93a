"""Five hundred mails over HTTP, some opened, some clicked, some only scanned: the report says what the mailer knows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from itertools import count
from urllib.parse import urlsplit

import pytest

from infra.local.system import System
from tests.e2e.conftest import Caller
from tests.e2e.world import SCHEMA, name, settled

MAILS, AT_ONCE = 500, 100
OFFERS = [{"id": offer, "link": f"https://shop.example/{offer}"} for offer in ("spring", "summer", "autumn")]
PERSON, SCANNER = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15", "Barracuda Sentinel (EE)"
_CHANCE = random.Random(500)
_numbers = count(1)


@pytest.fixture
def reader() -> Iterator[Reader]:
    with ThreadPoolExecutor(4) as people:
        yield Reader(people)


class Reader:
    """People with addresses of their own, who take links."""

    def __init__(self, people: ThreadPoolExecutor) -> None:
        self._people = people

    def take(self, links: list[tuple[str, str, str]]) -> list[int]:
        """The statuses of these (method, address, who)."""
        return list(self._people.map(lambda link: self._take(*link), links))

    def _take(self, method: str, url: str, agent: str) -> int:
        number = next(_numbers)
        source = (f"127.9.{number // 250}.{number % 250 + 1}", 0)
        with closing(HTTPConnection(urlsplit(url).netloc, timeout=60, source_address=source)) as http:
            http.request(method, urlsplit(url).path, headers={"User-Agent": agent})
            return http.getresponse().status


def test_of_five_hundred_mails_opens_and_clicks_are_counted_exactly_offer_by_offer(
    system: System, admin: Caller, ranker: Caller, reader: Reader
) -> None:
    dataset = admin.post("/datasets", {"name": name("mails"), "schema": SCHEMA}).json()["id"]
    model = {"name": name("mails"), "type": "auto-optimization", "datasetIds": [dataset]}
    model_id = admin.post("/models", model).json()["id"]
    admin.post(f"/models/{model_id}/activate")
    datastream = admin.post("/datastreams", {"name": name("mails"), "orgId": "shop@AdobeOrg", "datasetId": dataset})
    asked = {"offers": OFFERS, "channel": "email", "datastreamId": datastream.json()["id"], "count": 1}
    shown: list[dict[str, str]] = []
    for first in range(0, MAILS, AT_ONCE):
        requests = [asked | {"profileId": f"person-{n}"} for n in range(first, first + AT_ONCE)]
        answer = ranker.post(f"/models/{model_id}/rankings/batch", {"requests": requests}).json()
        shown += [ranking["offers"][0] for ranking in answer["rankings"]]
    assert len({offer["openURL"] for offer in shown}) == MAILS

    taken: list[tuple[str, str, str]] = []
    opened, clicked = Counter[str](), Counter[str]()
    for mail in shown:
        fate = _CHANCE.random()
        if fate < 0.3:  # nobody looks, but the mail server does
            taken += [("GET", mail["openURL"], SCANNER), ("HEAD", mail["clickURL"], PERSON)]
        elif fate < 0.8:  # opened, by some twice
            taken += [("GET", mail["openURL"], PERSON)] * _CHANCE.choice((1, 2))
            opened[mail["id"]] += 1
        else:  # clicked, by half of them without images
            taken += [("GET", mail["openURL"], PERSON)] * _CHANCE.choice((0, 1))
            taken += [("GET", mail["clickURL"], PERSON)] * _CHANCE.choice((1, 2))
            opened[mail["id"]] += 1
            clicked[mail["id"]] += 1
    statuses = reader.take(taken)
    assert set(statuses) == {200, 302}, Counter(statuses)

    def counted() -> dict[str, tuple[int, int]] | None:
        report = admin.get(f"/models/{model_id}/report?days=all").json()
        found = {one["id"]: (one["impressions"], one["conversions"]) for one in report["offers"]}
        known = sum(opened.values()) + sum(clicked.values())
        return found if sum(map(sum, found.values())) >= known else None

    expected = {offer: (times, clicked[offer]) for offer, times in opened.items()}
    assert settled(240, counted) == expected
    assert system.url in shown[0]["openURL"]
