"""In CI a test that is skipped is a test that fails, unless its reason is known here."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

# Parts of reasons that are good ones in CI too, each with why.
KNOWN_REASONS: tuple[str, ...] = ()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _strict((yield))


def _strict(report: Any) -> Any:
    """The same report, but failed where it says skipped (expected failures are skipped too, and are fine)."""
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(known in reason for known in KNOWN_REASONS):
            report.outcome = "failed"
            report.longrepr = f"{reason} (skipped, which CI takes for a failure)"
    return report
