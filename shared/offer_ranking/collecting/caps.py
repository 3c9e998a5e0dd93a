"""How many interacts of one visitor, and of one source, may teach of an offer in a day.

A token proves that a page was really loaded, not that a person has looked at it: whoever loads pages by the thousand
has tokens by the thousand. The caps are by offer, so that many visitors behind one address still have room for many
offers, while whoever wants one offer up is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import NamedTuple, Protocol

MS_PER_DAY = 86_400_000
_PREFIX = 64  # of IPv6: what one subscriber is given at least (RFC 6177, section 2)


class CapsUnavailableError(RuntimeError):
    """The counters cannot be asked."""


class Interact(NamedTuple):
    """A trusted interact with one offer.

    Args:
        offer: its id.
        mark: what its copies share, and no other interact with the offer has.
        visitor: who; "" where nobody knows.
        source: the network that it came from, as `network_of` names it.

    """

    offer: str
    mark: str
    visitor: str
    source: str


class Counter(NamedTuple):
    """What is counted by, and how much it takes in a day."""

    name: tuple[str, str, str]
    limit: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Interacts an offer and a UTC day, both at least 1."""

    per_visitor: int = 3
    per_source: int = 2

    def counters(self, interact: Interact) -> Iterator[Counter]:
        """All the counters that must have room for an interact, in the order in which they are asked."""
        if interact.visitor:
            yield Counter(("visitor", interact.visitor, interact.offer), self.per_visitor)
        yield Counter(("source", interact.source, interact.offer), self.per_source)


class Caps(Protocol):
    """Counts interacts by day."""

    def admits(self, interact: Interact, *, now_ms: int) -> bool:
        """Whether an interact is within the limits of its day; one that was admitted before is so again.

        Raises CapsUnavailableError.
        """


def network_of(address: str) -> str:
    """What one subscriber has of addresses: an IPv4 address, or the first 64 bits of an IPv6 one."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address  # what is no address stands for itself
    if isinstance(ip, IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return f"{ip.packed[: _PREFIX // 8].hex()}/{_PREFIX}"
