"""What a look at a bucket gives: one line a finding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """What a look at one thing gave."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `mend`: the command that mends what is wrong."""

    health: Health
    about: str
    says: str
    mend: str = ""

    def __str__(self) -> str:
        line = f"{self.health:<8}{self.about:<12}{self.says}" + (f"  ->  {self.mend}" if self.mend else "")
        # Whoever puts objects names them: a line feed, or what moves a terminal's cursor, could forge another line.
        return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)


def ok(about: str, says: str) -> Finding:
    return Finding(Health.OK, about, says)


def wrong(about: str, says: str, mend: str) -> Finding:
    return Finding(Health.WRONG, about, says, mend)


def unknown(about: str, says: str, mend: str = "") -> Finding:
    return Finding(Health.UNKNOWN, about, says, mend)
