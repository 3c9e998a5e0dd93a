"""A create that happens once, however often it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Once:
    """By what key the create is known, what was asked (hashed), and the answer to give again."""

    key: str
    request_hash: str
    answer: str
    at: datetime


class AlreadyDoneError(Exception):
    """The create with this key has happened: the remembered answer stands, whoever lost the race."""
