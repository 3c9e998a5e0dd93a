"""Links of a mail: an image that tells that it was opened, and an address by way of us that tells that it was clicked.

A link is what it says: the token of one offer, which its events carry like those of a page, and of a click the address.
`<token>.<signature>` or `<token>.<address>.<signature>`, an HMAC-SHA256 cut to 128 bits over all of it and over what
kind of link it is: a token that a page was given makes no link, and no link another one.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum

from offer_ranking.events.token import InvalidTokenError, Token, TokenKey, TokenKeys, verify

_SIGNATURE_BYTES = 16
_LONGEST = 32_768
ADDRESS = r"^https?://[A-Za-z0-9\[][!-~]*$"
"""Where a click may lead: http or https, a host, and no space or control character, which a header would read anew."""
LONGEST_ADDRESS = 2048
_IS_ADDRESS = re.compile(ADDRESS[1:-1], re.ASCII).fullmatch


class InvalidLinkError(ValueError):
    """A link was not signed by a live key of ours, or is none at all."""


class LinkKind(StrEnum):
    """What follows when somebody takes it; also its part of the path."""

    OPEN = "open"
    CLICK = "click"


@dataclass(frozen=True, slots=True)
class MailLink:
    """What a link says. `text` is its token as it is spelled; `address` is "" of an image."""

    token: Token
    text: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class LinkMaker:
    """Makes links to the door of browsers at this URL, such as `https://edge.example/ee`, signed with this key."""

    edge_url: str
    key: TokenKey

    def open_url(self, token: str) -> str:
        """Of the image that stands for an offer; the token is of that offer alone."""
        return self._url(LinkKind.OPEN, token)

    def click_url(self, token: str, address: str) -> str:
        """Of the way to an address. Raises ValueError for one that is none to be led to."""
        if not is_address(address):
            msg = "no address that a click may lead to"
            raise ValueError(msg)
        return self._url(LinkKind.CLICK, f"{token}.{_encode(address.encode())}")

    def _url(self, kind: LinkKind, said: str) -> str:
        return f"{self.edge_url.rstrip('/')}/v1/{kind.value}/{said}.{_signature(kind, said, self.key)}"


def read_link(kind: LinkKind, sealed: str, keys: TokenKeys) -> MailLink:
    """What a link says, of which `sealed` is the last part of the path. Raises InvalidLinkError.

    Nothing is decoded before the signature holds. How old it may be is for others to say.
    """
    said, dot, signature = sealed.rpartition(".")
    if not dot or len(sealed) > _LONGEST or not sealed.isascii():
        raise InvalidLinkError("It is not parts joined by dots.")
    live = (keys.current, keys.other)
    if not any(key and hmac.compare_digest(_signature(kind, said, key), signature) for key in live):
        raise InvalidLinkError("No live key has made this signature.")
    payload, _, rest = said.partition(".")
    token_signature, _, address = rest.partition(".")
    text = f"{payload}.{token_signature}"
    try:
        return MailLink(verify(text, keys), text, _address(address) if kind is LinkKind.CLICK else "")
    except InvalidTokenError as error:
        raise InvalidLinkError("Its token is none of ours.") from error


def is_address(text: str) -> bool:
    """Whether a click may lead there."""
    return len(text) <= LONGEST_ADDRESS and _IS_ADDRESS(text) is not None


def _address(encoded: str) -> str:
    try:
        address = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidLinkError("Its address cannot be read.") from error
    if not is_address(address):  # signed by an earlier version, which knew less
        raise InvalidLinkError("Its address is none to be led to.")
    return address


def _signature(kind: LinkKind, said: str, key: TokenKey) -> str:
    # The NUL keeps them apart from signatures of tokens, which are over base64.
    return _encode(hmac.digest(key.secret, f"{kind.value}\0{said}".encode(), "sha256")[:_SIGNATURE_BYTES])


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
