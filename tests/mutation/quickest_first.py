"""For mutmut's runs: tests in the order of their time, so that most mutants die soon; and none by Hypothesis' clock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("mutation", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("mutation")
_TIMES = Path("mutmut-stats.json")  # mutmut writes it before the first mutant


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    times = json.loads(_TIMES.read_text(encoding="utf-8"))["duration_by_test"] if _TIMES.exists() else {}
    items.sort(key=lambda item: times.get(item.nodeid, 0))
