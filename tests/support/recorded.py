"""The recorded events of tests/events, as Lambda hands them to the functions."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any

_EVENTS = Path(__file__).parents[1] / "events"


def recorded(name: str, **values: str) -> Any:
    """A recorded event with its ${PLACEHOLDERS} filled; those that no value is given for must not be there."""
    return json.loads(Template((_EVENTS / f"{name}.json").read_text(encoding="utf-8")).substitute(values))
