import numpy as np
import pytest
from scipy import stats

from offer_ranking.catalog.settings import Settings
from offer_ranking.counting.counts import CONVERSION, Counts, Key
from offer_ranking.learning import snapshot_file
from offer_ranking.learning.evidence import Evidence
from offer_ranking.learning.fit import NothingToLearn, fit
from offer_ranking.learning.posterior import Posterior
from offer_ranking.learning.propensity import first_place_probabilities
from offer_ranking.learning.snapshot import CorruptSnapshotError, Snapshot

HOUR = 500_000
SHOWN = {"a": (1000, 20), "b": (500, 30), "ü/c": (40, 0)}


def counts(shown: dict[str, tuple[int, int]] = SHOWN) -> Counts:
    keys = [Key(HOUR, offer, kind=kind) for offer in shown for kind in (0, CONVERSION)]
    return Counts.of(keys, [number for pair in shown.values() for number in pair])


def fitted(table: Counts | None = None, **settings: object) -> Snapshot:
    snapshot = fit(
        counts() if table is None else table,
        Settings(**settings),
        model_id="m-1",
        model_version=3,
        version=17,
        as_of=HOUR * 3600.0 + 1799.5,
        trained_on={"d-1": 4},
    )
    assert isinstance(snapshot, Snapshot)
    return snapshot


def test_a_posterior_is_prior_plus_conversions_and_prior_plus_failures() -> None:
    posterior = Posterior.of(Evidence.cleaned(["a", "b"], [100, 60], [4, 3]))
    np.testing.assert_allclose(posterior.alpha - posterior.prior.alpha, [4, 3])
    np.testing.assert_allclose(posterior.beta - posterior.prior.beta, [96, 57])


def test_a_fit_says_what_it_learned_from() -> None:
    snapshot = fitted(random_share=0.2)
    assert snapshot.offers == ("a", "b", "ü/c")
    assert snapshot.impressions.tolist() == [1000, 500, 40]
    assert snapshot.conversions.tolist() == [20, 30, 0]
    assert (snapshot.model_id, snapshot.model_version, snapshot.version) == ("m-1", 3, 17)
    assert (snapshot.random_share, snapshot.exploration, snapshot.algorithm) == (
        0.2,
        1.0,
        "thompson-sampling",
    )
    assert snapshot.trained_on == {"d-1": 4}
    assert snapshot.numpy == np.__version__


def test_first_places_agree_with_simulated_draws() -> None:
    snapshot = fitted()
    draws = np.random.default_rng(8).beta(snapshot.alpha, snapshot.beta, (200_000, 3))
    wins = np.bincount(draws.argmax(axis=1), minlength=3)
    assert stats.chisquare(wins, 200_000 * snapshot.first_place).pvalue > 0.001


@pytest.mark.parametrize("shown", [{}, {"a": (0, 0)}, {"a": (0, 5)}, {"a": (-4, -2)}])
def test_without_impressions_there_is_nothing_to_learn(shown: dict) -> None:
    refusal = fit(
        counts(shown),
        Settings(),
        model_id="m",
        model_version=1,
        version=1,
        as_of=HOUR * 3600.0,
        trained_on={},
    )
    assert refusal == NothingToLearn(reason="no-events-in-dataset")


def test_an_offer_never_seen_draws_from_the_prior() -> None:
    snapshot = fitted()
    alpha, beta = snapshot.draw_shapes(["never", "b"])
    assert (alpha[0], beta[0]) == (snapshot.prior.alpha, snapshot.prior.beta)
    assert (alpha[1], beta[1]) == (snapshot.alpha[1], snapshot.beta[1])


def test_exploration_below_one_sharpens_draws_and_propensities_but_not_the_posterior() -> None:
    plain, sharp = fitted(), fitted(exploration=0.5)
    np.testing.assert_array_equal(plain.alpha, sharp.alpha)
    np.testing.assert_array_equal(sharp.draw_shapes(sharp.offers), [plain.alpha / 0.5, plain.beta / 0.5])
    assert sharp.first_place.max() > plain.first_place.max()
    np.testing.assert_allclose(sharp.first_place, first_place_probabilities(plain.alpha / 0.5, plain.beta / 0.5))


def test_first_places_among_fewer_offers_are_integrated_again() -> None:
    snapshot = fitted()
    few = snapshot.first_places(("a", "never"))
    assert few.sum() == pytest.approx(1)
    np.testing.assert_array_equal(few, first_place_probabilities(*snapshot.draw_shapes(["a", "never"])))
    assert snapshot.first_places(snapshot.offers) is snapshot.first_place


def test_faulty_counts_are_repaired_and_the_number_is_kept() -> None:
    snapshot = fitted(counts({"a": (10, 15), "b": (-5, 0), "c": (100, 2)}))
    assert snapshot.repaired == 2
    assert (snapshot.conversions <= snapshot.impressions).all()
    assert (snapshot.alpha > 0).all()
    assert (snapshot.beta > 0).all()


def test_bytes_are_deterministic_and_read_back_exactly() -> None:
    snapshot = fitted(half_life_days=7.0)
    data = snapshot.to_bytes()
    assert data == fitted(half_life_days=7.0).to_bytes()
    again = Snapshot.from_bytes(data)
    assert again.to_bytes() == data
    assert again.sha256 == snapshot.sha256
    assert again.offers == snapshot.offers
    assert again.prior == snapshot.prior
    np.testing.assert_array_equal(again.first_place, snapshot.first_place)


def test_every_cut_is_reported_as_corrupt() -> None:
    data = fitted().to_bytes()
    for length in range(0, len(data), 7):
        with pytest.raises(CorruptSnapshotError):
            Snapshot.from_bytes(data[:length])


def test_no_flipped_byte_changes_a_snapshot_unnoticed() -> None:
    snapshot = fitted()
    data = snapshot.to_bytes()
    for place in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[place] ^= 0x55
        try:
            read = Snapshot.from_bytes(bytes(damaged))
        except CorruptSnapshotError:
            continue
        assert read.sha256 == snapshot.sha256  # zip fields that carry no content, such as the date


def test_another_npz_is_no_snapshot() -> None:
    with pytest.raises(CorruptSnapshotError):
        Snapshot.from_bytes(counts().to_bytes())


def test_parts_that_do_not_fit_together_are_no_snapshot() -> None:
    header, arrays = snapshot_file.unpack(fitted().to_bytes())
    faults = [
        ({**header, "offers": header["offers"][:-1]}, arrays),
        ({name: header[name] for name in header if name != "prior"}, arrays),
        ({**header, "format": "another/1"}, arrays),
        (header, {**arrays, "alpha": arrays["alpha"] * np.nan}),
        (header, {name: arrays[name] for name in arrays if name != "beta"}),
    ]
    for fault in faults:
        with pytest.raises(CorruptSnapshotError):
            Snapshot.from_bytes(snapshot_file.pack(*fault))


def test_ten_thousand_offers_are_learned_whole() -> None:
    world = np.random.default_rng(1)
    shown = world.integers(1, 500, 10_000)
    converted = world.binomial(shown, world.beta(4, 196, 10_000))
    pairs = {f"o{i:05}": (int(n), int(c)) for i, (n, c) in enumerate(zip(shown, converted, strict=True))}
    snapshot = fitted(counts(pairs))
    assert len(snapshot.offers) == 10_000
    assert snapshot.first_place.sum() == pytest.approx(1, abs=1e-9)
    assert Snapshot.from_bytes(snapshot.to_bytes()).sha256 == snapshot.sha256
