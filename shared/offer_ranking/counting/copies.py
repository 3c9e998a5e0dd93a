"""What changes in a dataset's counts when some of its objects change, copies of events in other objects considered.

Of all objects that hold an identity, the one with the smallest key counts it. So a change touches, beside the changed
objects themselves, only those others that hold one of their identities: they lose it, or take it over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import Counts
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.index import Holder, Index


class Change(NamedTuple):
    """An object by its key, and the names of the deltas that the aggregate holds and is to hold; None for nothing."""

    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What to add to the counts and the accounting; in the index of the touched `hours` the `changed` objects, by
    their keys, lose all that they hold, and get what is in `index`.
    """

    counts: Counts
    accounting: Accounting
    hours: frozenset[int]
    changed: frozenset[str]
    index: Index


Wanted = Mapping[int, NDArray[np.uint64]]
"""Identities: the keys of each hour, ascending."""


def difference(
    changes: Iterable[Change],
    delta: Callable[[str], Delta],
    lookup: Callable[[Wanted], Index],
) -> Difference:
    """Compare what the changed objects, and those that share identities with them, count before and after.

    Args:
        changes: of distinct objects.
        delta: reads a delta by its name.
        lookup: who holds some identities, as the aggregate has it. Of millions in a day few are asked for.

    """
    changed = {change.key: change for change in changes}
    befores = {key: delta(change.before) for key, change in changed.items() if change.before}
    afters = {key: delta(change.after) for key, change in changed.items() if change.after}
    ours = [*befores.values(), *afters.values()]
    near = lookup(_wanted(ours))
    others = _others(near, changed, ours, delta)
    # A line of another object may hold further identities: who holds those says whether it still counts.
    held = Index.joined([near, lookup(_wanted(others.values()))])
    code = {key: number for number, key in enumerate(sorted({holder.key for holder in held.holders} | changed.keys()))}

    table = _entries(held, code)
    unchanged = table.where(~np.isin(table.holder, [code[key] for key in changed]))
    claims = _Entries.joined([_claims(one, code[key]) for key, one in afters.items()])
    sides = [
        _standing(deltas | others, entries, code, whole=deltas.keys())
        for deltas, entries in ((befores, table), (afters, _Entries.joined([unchanged, claims])))
    ]
    accounting = sides[1][1] - sides[0][1]
    for one in afters.values():
        accounting += one.accounting
    for one in befores.values():
        accounting -= one.accounting
    holders = [
        Holder(key, changed[key].after or "" if key in changed else "") for key in code
    ]  # others hold nothing here
    return Difference(
        Counts.total([sides[1][0], -sides[0][0]]),
        accounting,
        frozenset(_wanted(ours)),
        frozenset(changed),
        Index.of(claims.hour, claims.key, claims.holder, holders),
    )


class _Entries(NamedTuple):
    """Identities (hour, key) that objects hold, by the objects' numbers in the order of their keys; shapes (n,)."""

    hour: NDArray[np.int64]
    key: NDArray[np.uint64]
    holder: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence[_Entries]) -> Self:
        none = cls(np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.int64))
        return cls(*(np.concatenate(column) for column in zip(none, *parts, strict=True)))

    def where(self, rows: NDArray[Any]) -> Self:
        return type(self)(self.hour[rows], self.key[rows], self.holder[rows])

    def numbered(self) -> NDArray[np.int64]:
        """Equal numbers, from 0, for equal identities; shape (n,)."""
        order = np.lexsort([self.hour, self.key])
        is_new = np.zeros(len(order), np.bool_)
        is_new[1:] = np.any([column[order][1:] != column[order][:-1] for column in (self.hour, self.key)], axis=0)
        numbers = np.empty(len(order), np.int64)
        numbers[order] = np.cumsum(is_new)
        return numbers

    def among(self, some: _Entries) -> NDArray[np.bool_]:
        """Whose identity is among those of `some`; shape (n,)."""
        hit = np.isin(self.key, some.key)  # nearly all: a key is a hash
        rows = np.flatnonzero(hit)
        numbers = self.joined([self.where(rows), some]).numbered()
        hit[rows] = np.isin(numbers[: len(rows)], numbers[len(rows) :])
        return hit


def _entries(index: Index, code: Mapping[str, int]) -> _Entries:
    numbers = np.array([code[holder.key] for holder in index.holders], np.int64)
    return _Entries(index.hour, index.key, numbers[index.holder])


def _claims(delta: Delta, holder: int) -> _Entries:
    return _Entries(delta.identities.hour, delta.identities.key, np.full(len(delta.identities), holder, np.int64))


def _wanted(some: Iterable[Delta]) -> Wanted:
    entries = _Entries.joined([_claims(one, 0) for one in some])
    order = np.lexsort([entries.key, entries.hour])
    hours, starts = np.unique(entries.hour[order], return_index=True)
    return dict(zip(hours.tolist(), np.split(entries.key[order], starts[1:]), strict=True)) if len(hours) else {}


def _others(
    index: Index, changed: Collection[str], deltas: Sequence[Delta], delta: Callable[[str], Delta]
) -> dict[str, Delta]:
    """Of unchanged objects that hold an identity of the changed ones: the lines that do, as deltas by object key."""
    affected = _Entries.joined([_claims(one, 0) for one in deltas])
    entries = _entries(index, {holder.key: number for number, holder in enumerate(index.holders)})
    found = {}
    for number in np.unique(entries.holder[entries.among(affected)]).tolist():
        holder = index.holders[number]
        if holder.key not in changed:
            whole = delta(holder.delta)
            lines = whole.identities.line
            part = whole.identities.where(np.isin(lines, lines[_claims(whole, number).among(affected)]))
            found[holder.key] = Delta(whole.counts, Accounting.zero(), part)
    return found


def _standing(
    claims: Mapping[str, Delta], table: _Entries, code: Mapping[str, int], whole: Collection[str]
) -> tuple[Counts, Accounting]:
    """What the claims that stand count as, and what becomes of their lines.

    Of `whole` objects, whose accountings take every line for counted that has a claim, only the lines that do not
    stand; of others, whose claims are given in part, all lines that have one.
    """
    own = _Entries.joined([_claims(one, code[key]) for key, one in claims.items()])
    rivals = table.where(np.isin(table.key, own.key))
    numbers = _Entries.joined([own, rivals]).numbered()
    first = np.full(len(numbers), len(code))
    np.minimum.at(first, numbers[len(own.key) :], rivals.holder)
    stands = first[numbers[: len(own.key)]] == own.holder
    parts, counted, duplicate, end = [], 0, 0, 0
    for key, one in claims.items():
        start, end = end, end + len(one.identities)
        won = stands[start:end]
        rows = one.identities.row[won]
        parts.append(one.counts.weighted(np.bincount(rows, minlength=len(one.counts))))
        lines, standing = (len(np.unique(some)) for some in (one.identities.line, one.identities.line[won]))
        counted += standing - (lines if key in whole else 0)
        duplicate += lines - standing
    return Counts.total(parts), Accounting(received=counted + duplicate, counted=counted, duplicate=duplicate)
