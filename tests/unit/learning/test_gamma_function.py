import numpy as np
from scipy import special

from offer_ranking.learning.gamma_function import log_gamma, log_gamma_derivatives

ARGUMENTS = np.concatenate([np.logspace(-4, 12, 4001), np.linspace(0.5, 12, 2001)])


def relative_error(mine: np.ndarray, reference: np.ndarray) -> float:
    return float((np.abs(mine - reference) / np.maximum(1, np.abs(reference))).max())


def test_log_gamma_agrees_with_scipy_to_1e_13() -> None:
    assert relative_error(log_gamma(ARGUMENTS), special.gammaln(ARGUMENTS)) < 1e-13


def test_log_gamma_is_relatively_precise_also_beside_its_roots_at_1_and_2() -> None:
    beside = np.concatenate([1 + np.array([-1e-3, 1e-3]), 2 + np.array([-1e-3, 1e-3])])
    np.testing.assert_allclose(log_gamma(beside), special.gammaln(beside), rtol=1e-10)


def test_derivatives_agree_with_scipy_to_1e_13() -> None:
    _, first, second = log_gamma_derivatives(ARGUMENTS)
    assert relative_error(first, special.digamma(ARGUMENTS)) < 1e-13
    assert relative_error(second, special.polygamma(1, ARGUMENTS)) < 1e-13


def test_arguments_are_left_as_they_were() -> None:
    small = np.array([0.5, 20.0])
    log_gamma_derivatives(small)
    assert small.tolist() == [0.5, 20.0]
