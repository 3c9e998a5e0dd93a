"""Who calls, and what they may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SCOPE_PREFIX = "offer-ranking/"


class Permission(StrEnum):
    """What a scope or a group grants. None implies another."""

    READ = "ranking-strategies.read"
    MANAGE = "ranking-strategies.write"  # Adobe Journey Optimizer: "Manage ranking strategies"
    RANK = "ranking.rank"


# People have groups where machine clients have scopes.
GROUPS: dict[str, frozenset[Permission]] = {
    "ranking-managers": frozenset({Permission.READ, Permission.MANAGE}),
    "ranking-readers": frozenset({Permission.READ}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: the client or person by the issuer's id, with permissions."""

    id: str
    permissions: frozenset[Permission]

    @property
    def client(self) -> str:
        """By what its quota is known: the sessions of a role, which come and go, share one."""
        before, is_role, role = self.id.partition(":assumed-role/")
        return f"{before}{is_role}{role.partition('/')[0]}"


def permissions(scopes: Iterable[str], groups: Iterable[str]) -> frozenset[Permission]:
    """What these scopes and groups grant together; unknown ones grant nothing."""
    by_scope = {SCOPE_PREFIX + permission: permission for permission in Permission}
    granted = {by_scope[scope] for scope in scopes if scope in by_scope}
    return frozenset(granted).union(*(GROUPS.get(group, frozenset()) for group in groups))
