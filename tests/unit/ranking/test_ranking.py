import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from offer_ranking.learning.evidence import Evidence
from offer_ranking.learning.posterior import Posterior
from offer_ranking.learning.prior import Prior
from offer_ranking.learning.propensity import first_place_probabilities
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.ranking import ranking as module
from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.ranking import Ranking, fallback, rank

PRIOR = Prior(0.05, 40.0)
EVIDENCE = {"a": (400, 20), "b": (100, 9), "c": (900, 30), "d": (10, 1), "e": (0, 0)}


def snapshot(evidence: dict[str, tuple[float, float]] | None = None, **changes: object) -> Snapshot:
    pairs = EVIDENCE if evidence is None else evidence
    clean = Evidence.cleaned(list(pairs), [n for n, _ in pairs.values()], [c for _, c in pairs.values()])
    posterior = Posterior.of(clean)
    parts = {
        "model_id": "m",
        "model_version": 1,
        "version": 5,
        "as_of": 0.0,
        "random_share": 0.1,
        "exploration": 1.0,
        "prior": posterior.prior,
        "offers": posterior.offers,
        "alpha": posterior.alpha,
        "beta": posterior.beta,
        "first_place": first_place_probabilities(posterior.alpha, posterior.beta),
        "impressions": clean.impressions,
        "conversions": clean.conversions,
        "trained_on": {},
    }
    return Snapshot(**parts | changes)  # type: ignore[arg-type]


def candidates(ids: str | list[str]) -> Candidates:
    return Candidates.of(Offer(offer) for offer in ids)


def is_whole_order(ranking: Ranking, size: int) -> bool:
    return (
        sorted(ranking.order.tolist()) == list(range(size))
        and bool((np.diff(ranking.scores) <= 0).all())
        and bool(np.isfinite(ranking.scores).all())
        and ranking.propensities.sum() == pytest.approx(1 if size else 0, abs=1e-9)
    )


@pytest.mark.parametrize(("ids", "share"), [("abcde", 0.1), ("bd", 0.1), ("acxyz", 0.3), ("abcde", 0.01)])
def test_offers_come_first_as_often_as_their_propensities_say(ids: str, share: float) -> None:
    learned, field = snapshot(), candidates(ids)
    rankings = [rank(field, learned, seed=seed, random_share=share) for seed in range(20_000)]
    wins = np.bincount([ranking.order[0] for ranking in rankings], minlength=len(field))
    propensities = np.empty(len(field))
    propensities[rankings[0].order] = rankings[0].propensities
    expected = propensities * len(rankings)
    assert expected.min() >= 5
    assert stats.chisquare(wins, expected).pvalue > 0.001
    randoms = sum(ranking.traffic_type == "random" for ranking in rankings)
    assert stats.binomtest(randoms, len(rankings), share).pvalue > 0.001


def test_random_traffic_puts_every_offer_at_every_rank_equally_often() -> None:
    field, learned = candidates("abcd"), snapshot()
    orders = np.array([rank(field, learned, seed=seed, random_share=1.0).order for seed in range(4000)])
    for place in range(4):
        assert stats.chisquare(np.bincount(orders[:, place], minlength=4)).pvalue > 0.001


def test_model_traffic_and_random_traffic_are_independent_of_the_draws() -> None:
    field, learned = candidates("abcde"), snapshot()
    firsts = [
        ranking.order[0]
        for ranking in (rank(field, learned, seed=seed, random_share=0.5) for seed in range(20_000))
        if ranking.traffic_type == "noncontextual"
    ]
    wins = np.bincount(firsts, minlength=5)
    assert stats.chisquare(wins, learned.first_place * len(firsts)).pvalue > 0.001


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from("abcdefghij"), unique=True, min_size=1),
    st.integers(0, 2**53 - 1),
    st.randoms(use_true_random=False),
    st.sampled_from([0.0, 0.3, 1.0]),
)
def test_the_same_seed_and_set_in_whatever_order_give_the_same_answer(
    ids: list[str], seed: int, random: object, share: float
) -> None:
    learned = snapshot()
    first, field = rank(candidates(ids), learned, seed=seed, random_share=share), candidates(ids)
    random.shuffle(ids)  # type: ignore[attr-defined]
    again = rank(candidates(ids), learned, seed=seed, random_share=share)
    assert again.order.tolist() == first.order.tolist()
    assert again.scores.tobytes() == first.scores.tobytes()
    assert again.propensities.tobytes() == first.propensities.tobytes()
    assert again.traffic_type == first.traffic_type
    assert is_whole_order(again, len(field))


def test_what_is_remembered_of_a_set_changes_no_answer() -> None:
    field, learned = candidates("abx"), snapshot()
    warm = [rank(field, learned, seed=seed) for seed in (1, 1)][1]
    module._contest.cache_clear()
    cold = rank(field, learned, seed=1)
    assert cold.scores.tobytes() == warm.scores.tobytes()
    assert cold.propensities.tobytes() == warm.propensities.tobytes()


def test_snapshots_of_equal_version_do_not_share_what_is_remembered() -> None:
    field = candidates("abcde")
    plain, other = snapshot(), snapshot({"a": (100, 90), "b": (100, 1), "c": (9, 1)})
    assert rank(field, plain, seed=3, random_share=0.0).scores.tolist() != (
        rank(field, other, seed=3, random_share=0.0).scores.tolist()
    )


def test_offers_never_seen_are_worth_the_prior_all_alike() -> None:
    learned = snapshot()
    ranking = rank(candidates(["x", "y", "z"]), learned, seed=1, random_share=0.0)
    np.testing.assert_allclose(ranking.propensities, 1 / 3)
    rates = [rank(candidates(["x"]), learned, seed=seed, random_share=0.0).scores[0] for seed in range(2000)]
    assert stats.kstest(rates, stats.beta(learned.prior.alpha, learned.prior.beta).cdf).pvalue > 0.001


def test_the_snapshots_own_set_takes_the_propensities_that_it_carries() -> None:
    told = np.array([0.5, 0.2, 0.1, 0.1, 0.1])
    ranking = rank(candidates("abcde"), snapshot(first_place=told), seed=2, random_share=0.0)
    assert ranking.propensities.tolist() == told[ranking.order].tolist()


def test_without_a_share_of_its_own_a_request_takes_the_snapshots() -> None:
    field = candidates("abc")
    always = [rank(field, snapshot(random_share=1.0), seed=seed).traffic_type for seed in range(20)]
    never = [rank(field, snapshot(random_share=0.0), seed=seed).traffic_type for seed in range(20)]
    assert set(always) == {"random"}
    assert set(never) == {"noncontextual"}


def test_a_count_cuts_the_list_and_changes_nothing_else() -> None:
    field, learned = candidates("abcde"), snapshot()
    whole, cut = rank(field, learned, seed=9), rank(field, learned, seed=9, count=2)
    assert cut.order.tolist() == whole.order[:2].tolist()
    assert cut.propensities.tolist() == whole.propensities[:2].tolist()
    assert cut.scores.tolist() == whole.scores[:2].tolist()
    assert len(rank(field, learned, seed=9, count=50).order) == 5


def test_before_the_first_snapshot_every_order_is_random_at_equal_propensity() -> None:
    field = candidates("abcd")
    rankings = [rank(field, None, seed=seed) for seed in range(4000)]
    assert {(ranking.traffic_type, ranking.snapshot_version) for ranking in rankings} == {("random", None)}
    assert rankings[0].propensities.tolist() == [0.25] * 4
    assert stats.chisquare(np.bincount([ranking.order[0] for ranking in rankings])).pvalue > 0.001
    assert is_whole_order(rankings[0], 4)


def test_a_fallback_is_by_priority_with_ties_by_id_and_certain() -> None:
    field = Candidates.of([Offer("c", priority=2), Offer("a", priority=1), Offer("b", priority=2), Offer("d")])
    ranking = fallback(field, seed=4)
    assert [field.ids[index] for index in ranking.order] == ["b", "c", "a", "d"]
    assert ranking.scores.tolist() == [2, 2, 1, 0]
    assert ranking.propensities.tolist() == [1, 0, 0, 0]
    assert (ranking.traffic_type, ranking.seed, ranking.snapshot_version) == ("noncontextual", 4, None)
    assert fallback(field, seed=4, count=2).order.tolist() == ranking.order[:2].tolist()


def test_draws_that_underflow_to_ties_rank_by_id() -> None:
    scores = np.array([0.0, 0.5, 0.0, 0.7, 0.0, 0.5])
    assert module._descending(scores).tolist() == [3, 1, 5, 0, 2, 4]


FAULTS = {
    "conversions above impressions": {"a": (10, 500), "b": (100, 2)},
    "negative": {"a": (-10, -5), "b": (100, 2)},
    "not a number": {"a": (float("nan"), 3), "b": (100, float("nan"))},
    "infinite": {"a": (float("inf"), 3), "b": (100, float("inf"))},
    "nothing known": {},
    "one offer": {"a": (100, 3)},
    "no conversion": {"a": (10**7, 0), "b": (10**6, 0)},
    "nothing but conversions": {"a": (10**7, 10**7), "b": (10, 10)},
    "ten million of each": {"a": (10**7, 200_000), "b": (10**7, 200_100)},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_the_data_the_order_is_whole_and_valid(fault: str) -> None:
    learned = snapshot(FAULTS[fault])
    for ids in ("a", "ab", "abxyz"):
        for share in (0.0, 1.0):
            assert is_whole_order(rank(candidates(ids), learned, seed=6, random_share=share), len(ids))


def test_no_candidates_are_an_empty_ranking() -> None:
    for ranking in (rank(candidates(""), snapshot(), seed=1), rank(candidates(""), None, seed=1)):
        assert ranking.order.tolist() == ranking.scores.tolist() == ranking.propensities.tolist() == []
    assert fallback(candidates(""), seed=1).order.tolist() == []


def test_ten_thousand_candidates_are_ranked_whole() -> None:
    world = np.random.default_rng(2)
    shown = world.integers(0, 500, 9_000)
    pairs = {f"o{i:05}": (float(n), float(n // 40)) for i, n in enumerate(shown)}
    field = candidates([f"o{i:05}" for i in range(10_000)])
    assert is_whole_order(rank(field, snapshot(pairs), seed=1, random_share=0.0), 10_000)
