"""Whether a client lets us collect: Adobe's consent standard, versions 1.0 and 2.0, and the cookie that keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offer_ranking.edge.identity import cookie_prefix
from offer_ranking.edge.problem import INVALID, RefusedError
from offer_ranking.events.spelling import value_at

KEPT_SECONDS = 15_552_000
_COLLECT_VAL = ("consents", "collect", "val")
IN, OUT = "in", "out"
_GENERAL = "general="
_ADOBE = "Adobe"
_OF_COLLECT = {"y": IN, "n": OUT, "p": ""}
"""What `collect.val` of version 2.0 says; somebody who is still to be asked ("p") has said nothing."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a request sets. `general` is "in", "out", or "" where it is still open; `preferences` as they were sent."""

    general: str
    preferences: Mapping[str, Any] | None = None

    @property
    def cookie_value(self) -> str:
        return _GENERAL + self.general


def cookie_name(org_id: str) -> str:
    """Of the cookie that remembers it."""
    return cookie_prefix(org_id) + "consent"


def is_out(cookie: str | None, xdm: Mapping[str, object]) -> bool:
    """Whether a cookie, or an event's own `consents`, forbid to collect."""
    if cookie is not None and _GENERAL + OUT in cookie.split(";"):
        return True
    return bool(value_at(xdm, _COLLECT_VAL) == "n")


def read_consent(found: object) -> Consent:
    """Read the `consent` of a request; of several entries the last counts. Raises RefusedError."""
    if not isinstance(found, list) or not found:
        raise RefusedError.of_field(INVALID, "/consent", "must be a list that is not empty")
    return [_entry(one, f"/consent/{n}") for n, one in enumerate(found)][-1]


def _entry(one: object, pointer: str) -> Consent:
    if not isinstance(one, dict):
        raise RefusedError.of_field(INVALID, pointer, "must be an object")
    if one.get("standard") != _ADOBE:
        raise RefusedError.of_field(INVALID, f"{pointer}/standard", f"must be {_ADOBE!r}")
    value = one.get("value")
    if not isinstance(value, dict):
        raise RefusedError.of_field(INVALID, f"{pointer}/value", "must be an object")
    match one.get("version"):
        case "1.0":
            return Consent(_general(value, f"{pointer}/value/general"))
        case "2.0":
            return Consent(_collect(value, f"{pointer}/value/collect"), value)
    raise RefusedError.of_field(INVALID, f"{pointer}/version", "must be '1.0' or '2.0'")


def _general(value: Mapping[str, Any], pointer: str) -> str:
    general = value.get("general")
    if general not in (IN, OUT):
        raise RefusedError.of_field(INVALID, pointer, f"must be {IN!r} or {OUT!r}")
    return str(general)


def _collect(value: Mapping[str, Any], pointer: str) -> str:
    """Preferences may say nothing of collecting, and then change nothing of it."""
    collect = value.get("collect")
    if collect is None:
        return ""
    said = collect.get("val") if isinstance(collect, dict) else None
    if not isinstance(said, str) or said not in _OF_COLLECT:
        raise RefusedError.of_field(INVALID, f"{pointer}/val", "must be 'y', 'n' or 'p'")
    return _OF_COLLECT[said]
