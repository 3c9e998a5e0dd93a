"""For mutmut's runs: tests in the order of their time, so that most mutants die soon; and none by Hypothesis' clock."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("mutation", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("mutation")
_TIMES = Path("mutmut-stats.json")  # mutmut writes it before the first mutant


def pytest_make_parametrize_id(val: object) -> str | None:
    """A test is named by its id on a command line, where pytest would read brackets and colons anew."""
    return re.sub(r"\W", "_", repr(val)[:40], flags=re.ASCII) if isinstance(val, str | bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    times = json.loads(_TIMES.read_text(encoding="utf-8"))["duration_by_test"] if _TIMES.exists() else {}
    items.sort(key=lambda item: times.get(item.nodeid, 0))
