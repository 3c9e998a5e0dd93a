from __future__ import annotations

import numpy as np
import pytest

from offer_ranking.catalog.model import Model
from offer_ranking.counting.counts import CONVERSION, Counts, Key
from offer_ranking.learning import fit as module
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.fit import NothingToLearn, fit
from offer_ranking.learning.prior import learn_prior
from offer_ranking.learning.snapshot import ALGORITHM, Snapshot
from tests.support.learned import AS_OF, HOUR, a_model, evidence_of, fitted, personalized, shown

PAIRS = {"a": (1000, 20), "b": (500, 30), "c": (40, 0)}
GOLD, NEW = Cell(("gold",)), Cell(("new",))


def test_a_fit_says_what_it_learned_from() -> None:
    model = a_model(version=3, settings={"random_share": 0.2})
    snapshot = fitted(shown(PAIRS), model, version=17)
    assert snapshot.offers == ("a", "b", "c")
    assert snapshot.impressions.tolist() == [1000, 500, 40]
    assert snapshot.conversions.tolist() == [20, 30, 0]
    assert (snapshot.model_id, snapshot.model_version, snapshot.version, snapshot.as_of) == ("m", 3, 17, AS_OF)
    assert (snapshot.settings, snapshot.algorithm, snapshot.numpy) == (model.settings, ALGORITHM, np.__version__)
    assert snapshot.trained_on == {"d": 4}
    assert snapshot.tastes is None


def test_rates_are_the_prior_of_all_offers_and_what_each_did() -> None:
    snapshot = fitted(shown(PAIRS))
    assert snapshot.rates.prior == learn_prior(snapshot.impressions, snapshot.conversions)
    np.testing.assert_allclose(snapshot.rates.alpha, snapshot.rates.prior.alpha + snapshot.conversions)
    failures = snapshot.impressions - snapshot.conversions
    np.testing.assert_allclose(snapshot.rates.beta, snapshot.rates.prior.beta + failures)


@pytest.mark.parametrize("model", [a_model(), personalized()], ids=["for everybody", "personalized"])
@pytest.mark.parametrize("pairs", [{}, {"a": (0, 0)}, {"a": (0, 5)}, {"a": (-4, -2)}])
def test_without_impressions_there_is_nothing_to_learn(pairs: dict[str, tuple[int, int]], model: Model) -> None:
    refusal = fit(shown(pairs), model, version=1, as_of=AS_OF, trained_on={})
    assert refusal == NothingToLearn(reason="no-events-in-dataset")


@pytest.mark.parametrize("model", [a_model(), personalized()], ids=["for everybody", "personalized"])
def test_faulty_counts_are_repaired_and_the_number_is_kept(model: Model) -> None:
    pairs = {"a": (10, 15), "b": (-5, 0), "c": (100, 2)}
    snapshot = fitted(shown(pairs, cell=GOLD), model)
    assert snapshot.repaired == 2
    assert (snapshot.conversions <= snapshot.impressions).all()
    assert (snapshot.rates.alpha > 0).all()
    assert (snapshot.rates.beta > 0).all()


@pytest.mark.parametrize("model", [a_model(), personalized()], ids=["for everybody", "personalized"])
def test_an_offer_whose_etag_changed_starts_anew(model: Model) -> None:
    counts = shown({"a": (5000, 900)}, etag="1", hour=HOUR - 9, cell=GOLD) + shown({"a": (10, 0)}, etag="2", cell=GOLD)
    counts += shown({f"o{n}": (500, n) for n in range(20)}, cell=GOLD)
    snapshot = fitted(counts, model)
    ids, etags = ["a"] * 4, ["1", "2", None, "3"]
    rows = snapshot.versions.rows(ids, etags)
    assert rows[1] == rows[2] != rows[0]
    assert rows[3] == len(snapshot.versions)
    beliefs = [snapshot.rates.draws(rows)]
    if snapshot.tastes:
        beliefs.append(snapshot.tastes.draws(GOLD, rows))
    for drawn in beliefs:
        assert drawn.sd[0] < drawn.sd[1] <= drawn.sd[3] * 1.01
        assert drawn.mean[0] > drawn.mean[3] + 2 * drawn.sd[3]
        assert drawn.mean[1] < drawn.mean[3], "ten impressions without a conversion"


def test_a_fit_takes_window_decay_and_delay_into_account() -> None:
    keys = [
        (Key(HOUR - 24 * 40, "a"), 700),
        (Key(HOUR - 24 * 5, "a"), 800),
        (Key(HOUR - 24 * 5, "a", kind=CONVERSION, lag=30), 80),
        (Key(HOUR, "b"), 100),
    ]
    counts = Counts.of([key for key, _ in keys], [count for _, count in keys])
    model = a_model(settings={"window_days": 30, "half_life_days": 5})
    snapshot = fitted(counts, model)
    evidence = evidence_of(counts, model.settings, HOUR)
    assert snapshot.impressions.tolist() == evidence.impressions.tolist()
    assert snapshot.impressions[0] == 400
    assert snapshot.impressions[1] < 100


def test_a_personalized_model_learns_cells_from_its_own_events_alone() -> None:
    best = {"a": (2000, 400), "b": (2000, 20)}
    worst = {"a": (2000, 20), "b": (2000, 400)}
    own = shown(best, cell=GOLD) + shown(worst, cell=NEW)
    strange = shown(worst, cell=GOLD, model="other") + shown(best, cell=NEW, model="other")
    alone, among = (fitted(counts, personalized()) for counts in (own, own + strange))
    for snapshot in (alone, among):
        assert snapshot.tastes is not None
        gold, new = (snapshot.tastes.draws(cell, np.arange(2)).mean for cell in (GOLD, NEW))
        assert gold[0] > gold[1] + 1
        assert new[1] > new[0] + 1
    assert among.impressions.tolist() == [8000, 8000], "the rate among everybody learns from all events"


def test_events_of_others_teach_what_everybody_likes() -> None:
    strange = shown({"a": (20_000, 2000), "b": (20_000, 20)}, cell=GOLD, model="other")
    own = shown({"a": (10, 1), "b": (10, 1)}, cell=GOLD) + shown({"a": (10, 1), "b": (10, 0)}, cell=NEW)
    snapshot = fitted(own + strange, personalized())
    assert snapshot.tastes is not None
    for cell in (GOLD, NEW, Cell()):
        drawn = snapshot.tastes.draws(cell, np.arange(2))
        assert drawn.mean[0] > drawn.mean[1] + 2


def test_cells_that_are_none_and_audiences_that_are_unknown_teach_as_everybody() -> None:
    counts = shown(PAIRS, cell=GOLD)
    for text in ("nonsense", '{"a":5}', '{"a":["stranger"]}', '{"c":{"zone":"1"}}'):
        counts += Counts.of(
            [key._replace(cell=text) for key, _ in shown(PAIRS).items()], [n for _, n in shown(PAIRS).items()]
        )
    snapshot = fitted(counts, personalized())
    assert snapshot.impressions.tolist() == [5000, 2500, 200]
    assert snapshot.tastes is not None
    assert snapshot.tastes.features.audiences == ("gold",)
    assert snapshot.tastes.features.values == ()


DEGENERATE = {
    "one offer": shown({"a": (100, 3)}, cell=GOLD),
    "no conversion": shown({"a": (10**7, 0), "b": (10**6, 0)}, cell=GOLD) + shown({"a": (5, 0)}, cell=NEW),
    "nothing but conversions": shown({"a": (10**7, 10**7), "b": (10, 10)}, cell=GOLD) + shown({"a": (5, 5)}, cell=NEW),
    "one cell": shown(PAIRS, cell=GOLD),
    "no cell": shown(PAIRS),
    "only events of others": shown(PAIRS, cell=GOLD, model="other"),
    "conversions above impressions": shown({"a": (5, 500), "b": (0, 7)}, cell=GOLD) + shown(PAIRS, cell=NEW),
    "one impression": shown({"a": (1, 0)}, cell=GOLD),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_whatever_the_data_a_personalized_fit_draws_finite_numbers(name: str) -> None:
    snapshot = fitted(DEGENERATE[name], personalized())
    assert snapshot.tastes is not None
    rows = np.arange(len(snapshot.versions) + 1)
    for cell in (Cell(), GOLD, NEW, Cell(("young",), (("device", "tv"),))):
        drawn = snapshot.tastes.draws(cell, rows)
        assert np.isfinite(drawn.mean).all()
        assert (drawn.sd > 0).all()
    assert Snapshot.from_bytes(snapshot.to_bytes()).sha256 == snapshot.sha256


def test_features_are_bounded_whatever_the_audiences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COVARIANCES", 2000)
    rng, audiences = np.random.default_rng(3), tuple(f"a{n:02d}" for n in range(20))
    counts = []
    for _ in range(100):
        cell = Cell(tuple(sorted(rng.choice(audiences, 5, replace=False).tolist())))
        pairs = {f"o{n:02d}": (int(rng.integers(1, 60)), int(rng.integers(0, 2))) for n in range(19)}
        counts.append(shown(pairs, cell=cell))
    snapshot = fitted(Counts.total(counts), personalized(audiences=audiences))
    assert snapshot.tastes is not None
    assert snapshot.tastes.covariance.size <= 2000
    assert len(snapshot.tastes.features) == 10
    # nobody differs: what is believed of each is the rate among everybody, within its own deviation
    drawn, rate = snapshot.tastes.draws(Cell(), np.arange(20)), snapshot.conversions.sum() / snapshot.impressions.sum()
    assert np.abs((drawn.mean - np.log(rate / (1 - rate))) / drawn.sd).max() < 5


def test_the_same_counts_give_the_same_snapshot_to_the_last_bit() -> None:
    counts = shown(PAIRS, cell=GOLD) + shown(PAIRS, cell=NEW)
    assert fitted(counts, personalized()).to_bytes() == fitted(counts, personalized()).to_bytes()
