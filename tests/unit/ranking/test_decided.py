from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from offer_ranking.catalog.decision import Decision, DecisionOffer, OfferStatus
from offer_ranking.events.proposition import Proposition
from offer_ranking.events.token import TokenKey, TokenKeys, verify
from offer_ranking.ranking.decided import Asker, Decided, decide
from offer_ranking.ranking.ranking import propensities
from offer_ranking.ranking.served import Served, Source
from tests.support.decisions import a_decision, an_offer
from tests.support.learned import a_model, fitted, personalized, shown

NOW_MS = 1_764_021_912_613
KEYS = TokenKeys(TokenKey("k", b"s" * 32))
LEARNED = fitted(shown({"a": (400, 20), "b": (100, 9), "c": (900, 30)}))
LIVE = Served(Source.FRESH, a_model(), LEARNED)


def three(**fields: Any) -> Decision:
    offers = (an_offer("a", priority=1.0), an_offer("b", priority=3.0), an_offer("c", priority=2.0))
    return a_decision("s", *offers, **{"model_id": "m"} | fields)


def shown_of(decision: Decision, served: Served | None = None, **asked: Any) -> list[str]:
    return [offer.id for offer in decide(decision, served, Asker(), now_ms=NOW_MS, **{"count": 30} | asked).creatives]


def proposition(decided: Decided) -> Proposition:
    assert decided.proposal is not None
    return decided.proposal.proposition("scope", KEYS)


def step(decided: Decided) -> str:
    return proposition(decided)["scopeDetails"]["strategies"][0]["step"]


def test_while_no_model_is_live_priority_decides() -> None:
    decided = decide(three(), None, Asker(), now_ms=NOW_MS, count=30)
    assert [offer.id for offer in decided.offers] == ["b", "c", "a"]
    assert step(decided) == "priority"
    assert verify(proposition(decided)["scopeDetails"]["characteristics"]["eventToken"], KEYS).model == ""


def test_a_store_that_is_away_leaves_priority_and_its_events_teach_nothing() -> None:
    decided = decide(three(), Served(Source.FALLBACK), Asker(), now_ms=NOW_MS, count=30)
    assert [offer.id for offer in decided.offers] == ["b", "c", "a"]
    assert step(decided) == "fallback"


def test_a_live_model_ranks_what_may_be_shown_and_signs_the_propensities_of_just_that() -> None:
    decision = a_decision("s", an_offer("a"), an_offer("b"), an_offer("z", audiences_any=("gold",)), model_id="m")
    decided = decide(decision, LIVE, Asker(datastream="w", visitor="v"), now_ms=NOW_MS, count=1)
    assert decided.proposal is not None
    token = verify(proposition(decided)["scopeDetails"]["characteristics"]["eventToken"], KEYS)
    assert (step(decided), token.model, token.snapshot_version) == ("aiModel", "m", LEARNED.version)
    assert (token.datastream, token.visitor, token.given()) == ("w", "v", tuple(one.id for one in decided.offers))
    expected = propensities(LEARNED, decided.proposal.candidates)
    said = dict(token.offers)
    assert [said[offer] for offer in decided.proposal.candidates.ids] == pytest.approx(expected.tolist(), abs=1e-9)
    assert np.sum(list(said.values())) == pytest.approx(1)


def test_every_offer_given_is_signed_with_the_version_that_was_shown() -> None:
    decision = a_decision("s", an_offer("a", etag="7"), an_offer("b", etag="8"))
    token = decide(decision, None, Asker(), now_ms=NOW_MS, count=1).proposal
    assert token is not None
    assert (token.token.given(), token.token.etags) == (("a",), ("7",))


def test_a_personalized_model_looks_at_the_audiences_and_context_of_who_asks() -> None:
    served = Served(Source.UNTRAINED, personalized())
    asker = Asker(audiences=("gold", "unheard"), context={"device": "tv", "unheard": 1})
    decided = decide(three(), served, asker, now_ms=NOW_MS)
    assert proposition(decided)["scopeDetails"]["characteristics"]["cell"] == '{"a":["gold"],"c":{"device":"tv"}}'


@pytest.mark.parametrize(("milliseconds", "is_shown"), [(-1, False), (0, True), (999, True), (1000, False)])
def test_an_offer_is_shown_from_its_start_until_just_before_its_end(*, milliseconds: int, is_shown: bool) -> None:
    starts = datetime(2027, 1, 1, tzinfo=UTC)
    offer = an_offer("new-year", starts_at=starts, ends_at=starts + timedelta(seconds=1))
    now_ms = int(starts.timestamp() * 1000) + milliseconds
    decided = decide(a_decision("s", offer), None, Asker(), now_ms=now_ms)
    assert [one.id for one in decided.creatives] == (["new-year"] if is_shown else ["fallback"])


@pytest.mark.parametrize(
    "offer",
    [
        an_offer(status=OfferStatus.ARCHIVED),
        an_offer(audiences_any=("gold",)),
        an_offer(starts_at=datetime(2099, 1, 1, tzinfo=UTC)),
    ],
)
def test_where_no_offer_may_be_shown_the_fallback_is_and_nothing_is_signed(offer: DecisionOffer) -> None:
    decided = decide(a_decision("s", offer, model_id="m"), LIVE, Asker(), now_ms=NOW_MS)
    assert [one.id for one in decided.creatives] == ["fallback"]
    assert decided.proposal is None


def test_what_is_shown_elsewhere_already_is_left_out() -> None:
    assert shown_of(three(), without={"b"}) == ["c", "a"]
    assert shown_of(three(), without={"a", "b", "c"}) == ["fallback"]


def test_no_more_are_shown_than_asked_for() -> None:
    assert shown_of(three(), count=2) == ["b", "c"]
