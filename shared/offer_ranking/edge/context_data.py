"""What a server says of a profile and its moment in `xdm:contextData`: audiences and context. Its own claims.

Each object is read as a part of XDM, its keys with `xdm:` and without: what lies at `device`, `type` is context under
`xdm.device.type`, as events of pages name it, and under `device.type`, as callers of rankings may. Audiences are those
of `segmentMembership`, and of `offerRanking.audiences`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from offer_ranking.catalog.value import ContextValue
from offer_ranking.edge.audiences import audiences_of as claimed_audiences
from offer_ranking.edge.audiences import is_context

MOST_VALUES = 1000
_LONGEST = 256
_MEMBERSHIP, _OWN = "segmentMembership", "offerRanking"
_NO_CONTEXT = frozenset({_MEMBERSHIP, _OWN})


def audiences_of(data: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The audiences that a profile is in."""
    found: dict[str, None] = {}
    for one in data:
        xdm = {_MEMBERSHIP: _bared(_inside(one, _MEMBERSHIP))}
        found |= dict.fromkeys(claimed_audiences(xdm, {f"__{_OWN}": _inside(one, _OWN)}))
    return tuple(found)


def context_of(data: Iterable[Mapping[str, Any]]) -> dict[str, ContextValue]:
    """What a model may look at, by path."""
    found: dict[str, ContextValue] = {}
    for one in data:
        for path, value in _values(one):
            found[path] = value
            if not path.startswith("xdm."):
                found[f"xdm.{path}"] = value
    return found


def count_values(data: Iterable[Mapping[str, Any]]) -> int:
    """How much is said: values of context, and audiences."""
    return sum(1 for one in data for _ in _values(one)) + len(audiences_of(data))


def _values(holder: Mapping[str, Any]) -> Iterator[tuple[str, ContextValue]]:
    """Every value that a ranking takes for context, with its path. No recursion: objects may lie deep."""
    left: list[tuple[str, Any]] = [(_bare(key), held) for key, held in holder.items() if _bare(key) not in _NO_CONTEXT]
    while left:
        path, held = left.pop()
        if len(path) > _LONGEST:
            continue
        if isinstance(held, dict):
            left += [(f"{path}.{_bare(key)}", inner) for key, inner in held.items()]
        elif is_context(held):
            yield path, held


def _inside(holder: object, key: str) -> Any:  # noqa: ANN401 - JSON holds any of its types
    if not isinstance(holder, dict):
        return None
    return holder.get(key, holder.get(f"xdm:{key}"))


def _bared(held: Any) -> Any:  # noqa: ANN401 - as above
    return {_bare(key): _bared(inner) for key, inner in held.items()} if isinstance(held, dict) else held


def _bare(key: str) -> str:
    return key.removeprefix("xdm:")
