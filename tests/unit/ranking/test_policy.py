from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from offer_ranking.learning.cell import Cell
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.ranking import policy as module
from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.policy import Policy, policy_of
from tests.support.learned import a_model, fitted, personalized, shown

GOLD, NEW = Cell(("gold",)), Cell(("new",), (("device", "tv"),))
PAIRS = {"a": (400, 20), "b": (100, 9), "c": (900, 30), "d": (10, 1), "e": (1, 0)}
SHARE = 0.1


def snapshot(kind: str, share: float = SHARE, exploration: float = 1.0) -> Snapshot:
    chosen = {"random_share": share, "exploration": exploration}
    if kind == "for everybody":
        return fitted(shown(PAIRS), a_model(settings=chosen))
    turned = {offer: (n, c * 2) for offer, (n, c) in zip("abcde", list(PAIRS.values())[::-1], strict=True)}
    return fitted(shown(PAIRS, cell=GOLD) + shown(turned, cell=NEW), personalized(settings=chosen))


def candidates(ids: str | list[str]) -> Candidates:
    return Candidates.of(Offer(offer) for offer in ids)


KINDS = ("for everybody", "personalized")


def shares(policy: Policy) -> dict[str, float]:
    found: dict[str, float] = {}
    for arm in policy.arms:
        found[arm.traffic] = found.get(arm.traffic, 0.0) + arm.share
    return found


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.sampled_from(KINDS),
    st.floats(0.01, 0.5),
    st.floats(0.1, 1),
    st.sets(st.sampled_from("abcdevwxyz"), min_size=1),
    st.sampled_from([Cell(), GOLD, NEW, Cell(("gold", "new"))]),
)
def test_arms_and_propensities_are_whole_whatever_the_settings(
    kind: str, share: float, exploration: float, ids: set[str], cell: Cell
) -> None:
    policy = policy_of(snapshot(kind, share, exploration), candidates(sorted(ids)), cell)
    assert sum(arm.share for arm in policy.arms) == pytest.approx(1, abs=1e-12)
    assert all(arm.share >= 0 for arm in policy.arms)
    assert policy.propensities.sum() == pytest.approx(1, abs=1e-9)
    assert (policy.propensities >= share / len(ids) * (1 - 1e-9)).all(), "the random share is included"
    told = shares(policy)
    assert told["random"] == pytest.approx(share)
    if kind == "personalized":
        assert told["noncontextual"] == pytest.approx(min(share, (1 - share) / 2))
    else:
        assert told == {"random": pytest.approx(share), "noncontextual": pytest.approx(1 - share)}


def test_a_chance_finds_the_arm_whose_share_it_falls_into() -> None:
    policy = policy_of(snapshot("personalized"), candidates("abc"), GOLD)
    ends = np.cumsum([arm.share for arm in policy.arms])
    for number, arm in enumerate(policy.arms):
        assert policy.arm(ends[number] - 1e-9) is arm
        assert policy.arm(ends[number] - arm.share + 1e-9) is arm
    assert policy.arm(np.nextafter(1.0, 0.0)) is policy.arms[-1]


def test_before_the_first_snapshot_all_is_random() -> None:
    policy = policy_of(None, candidates("abcd"), GOLD)
    assert shares(policy) == {"random": 1.0}
    assert policy.propensities.tolist() == [0.25] * 4
    np.testing.assert_allclose(policy.positions(9), np.full((4, 4), 0.25))


def served(policy: Policy, times: int, seed: int) -> NDArray[np.intp]:
    """First offers of many requests, drawn as `rank` draws them: an arm, then a number for each candidate."""
    rng = np.random.default_rng(seed)
    ends, chance = np.cumsum([arm.share for arm in policy.arms]), rng.random(times)
    arm_of = np.minimum(np.searchsorted(ends, chance, side="right"), len(policy.arms) - 1)
    firsts = []
    for number, arm in enumerate(policy.arms):
        shape = (int((arm_of == number).sum()), len(policy.propensities))
        drawn = rng.random(shape) if arm.draws is None else arm.draws.mean + arm.draws.sd * rng.standard_normal(shape)
        firsts.append(drawn.argmax(axis=1))
    return np.concatenate(firsts)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ids", ["abcde", "bd", "acxyz"])
def test_a_million_requests_are_served_as_often_as_is_said(kind: str, ids: str) -> None:
    for seed, cell in enumerate((GOLD, NEW)):
        policy = policy_of(snapshot(kind), candidates(ids), cell)
        wins = np.bincount(served(policy, 1_000_000, seed), minlength=len(ids))
        assert stats.chisquare(wins, 1_000_000 * policy.propensities).pvalue > 0.001


@pytest.mark.parametrize("kind", KINDS)
def test_places_begin_with_the_propensities_and_hold_everybody_once(kind: str) -> None:
    policy = policy_of(snapshot(kind), candidates("abcdexy"), GOLD)
    places = policy.positions(7)
    np.testing.assert_allclose(places[0], policy.propensities, atol=2e-6)
    np.testing.assert_allclose(places.sum(axis=0), 1, atol=7e-6)
    np.testing.assert_allclose(places.sum(axis=1), 1, atol=7e-6)
    assert (places >= SHARE / 7 * (1 - 1e-9)).all()
    np.testing.assert_allclose(policy.positions(2), places[:2], atol=1e-12)


def test_a_personalized_model_serves_everybodys_ranking_as_often_as_random() -> None:
    policy = policy_of(snapshot("personalized", 0.2), candidates("abcde"), GOLD)
    assert shares(policy) == {
        "random": pytest.approx(0.2), "noncontextual": pytest.approx(0.2), "contextual": pytest.approx(0.6)
    }  # fmt: skip
    everybody = policy_of(snapshot("personalized", 0.2), candidates("abcde"), NEW)
    mine, theirs = ([arm for arm in one.arms if arm.traffic == "noncontextual"] for one in (policy, everybody))
    for arm, other in zip(mine, theirs, strict=True):
        assert arm.first.tolist() == other.first.tolist(), "the cell does not matter there"


def test_a_personalized_model_with_the_largest_random_share_still_looks_at_cells() -> None:
    assert shares(policy_of(snapshot("personalized", 0.5), candidates("abcde"), GOLD)) == {
        "random": pytest.approx(0.5), "noncontextual": pytest.approx(0.25), "contextual": pytest.approx(0.25)
    }  # fmt: skip


def test_a_cell_changes_the_propensities_of_a_personalized_model_only() -> None:
    for kind in KINDS:
        told = [policy_of(snapshot(kind), candidates("abcde"), cell).propensities for cell in (GOLD, NEW)]
        assert np.array_equal(*told) == (kind == "for everybody")


@pytest.mark.parametrize("kind", KINDS)
def test_less_exploration_sharpens_what_is_drawn_and_nothing_else(kind: str) -> None:
    plain, sharp = (policy_of(snapshot(kind, exploration=one), candidates("abcde"), GOLD) for one in (1.0, 0.25))
    assert sharp.propensities.max() > plain.propensities.max()
    for arm, other in zip(plain.arms, sharp.arms, strict=True):
        assert (arm.share, arm.traffic) == (other.share, other.traffic)
        if arm.draws is not None and other.draws is not None:
            np.testing.assert_allclose(other.draws.mean, arm.draws.mean)
            np.testing.assert_allclose(other.draws.sd, arm.draws.sd / 2)


def test_offers_never_seen_are_worth_the_prior_all_alike() -> None:
    for kind in KINDS:
        policy = policy_of(snapshot(kind), candidates("xyz"), NEW)
        np.testing.assert_allclose(policy.propensities, 1 / 3, rtol=1e-9)


def test_an_offer_whose_etag_is_not_known_is_worth_the_prior() -> None:
    counts = shown({"a": (9000, 900)}, etag="1") + shown({"b": (900, 30), "c": (900, 31)}, etag="1")
    learned = fitted(counts)
    old, new = (policy_of(learned, Candidates.of([Offer("a", etag), Offer("b")]), Cell()) for etag in ("1", "2"))
    assert old.propensities[0] > 0.9 > new.propensities[0]


def test_what_is_remembered_of_a_set_changes_no_answer() -> None:
    learned, field = snapshot("personalized"), candidates("abx")
    warm = policy_of(learned, candidates("abx"), GOLD)
    assert policy_of(learned, field, GOLD) is warm
    module._REMEMBERED.clear()
    cold = policy_of(learned, field, GOLD)
    assert cold is not warm
    assert cold.propensities.tobytes() == warm.propensities.tobytes()


def test_what_is_remembered_of_a_snapshot_goes_with_it() -> None:
    learned = snapshot("personalized")
    policy_of(learned, candidates("abx"), GOLD)
    gone = weakref.ref(learned)
    assert gone() in module._REMEMBERED
    before = len(module._REMEMBERED)
    del learned
    gc.collect()
    assert gone() is None
    assert len(module._REMEMBERED) == before - 1


def test_of_many_sets_the_last_ones_are_remembered() -> None:
    learned, most = snapshot("personalized"), module._POLICIES_REMEMBERED
    first = policy_of(learned, candidates("a"), GOLD)
    for number in range(most):
        policy_of(learned, Candidates.of([Offer(f"offer-{number}")]), GOLD)
    assert len(module._REMEMBERED[learned]._policies) == most
    assert policy_of(learned, candidates("a"), GOLD) is not first


def test_snapshots_of_equal_content_do_not_share_what_is_remembered() -> None:
    field = candidates("abc")
    assert policy_of(snapshot("personalized"), field, GOLD) is not policy_of(snapshot("personalized"), field, GOLD)
