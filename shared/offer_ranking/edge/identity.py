"""Who asks: the ECID, 38 digits that a client keeps in a cookie and sends back."""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping

_ECID = re.compile(r"[0-9]{38}", re.ASCII)
_ECIDS = 10**38
# A protobuf message whose field 1 is a text of 38 bytes. Adobe's own has further fields, which say when and where it
# was made; nobody but the edge reads them.
_BEGINNING = b"\x0a\x26"
KEPT_SECONDS = 34_128_000


def fresh_ecid() -> str:
    """An id that nobody has: made of randomness when it is needed, never at a cold start, which a snapshot repeats."""
    return f"{int.from_bytes(os.urandom(16)) % _ECIDS:038d}"


def cookie_prefix(org_id: str) -> str:
    """What the names of all cookies of an organisation begin with."""
    return f"kndctr_{org_id.replace('@', '_')}_"


def cookie_name(org_id: str) -> str:
    """Of the cookie that holds the ECID."""
    return cookie_prefix(org_id) + "identity"


def cookie_value(ecid: str) -> str:
    """The value of the identity cookie."""
    return urlsafe_b64encode(_BEGINNING + ecid.encode()).rstrip(b"=").decode()


def ecid_of_cookie(value: str) -> str | None:
    """The ECID in an identity cookie, ours or Adobe's; None where there is none."""
    bare = value.rstrip("=")
    try:
        found = urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (Base64Error, ValueError):
        return None
    if not found.startswith(_BEGINNING):
        return None
    return _ecid(found[2:40].decode("ascii", errors="replace"))


def ecid_of_map(xdm: Mapping[str, object]) -> str | None:
    """The ECID in an `identityMap` of XDM; None where there is none."""
    identities = xdm.get("identityMap")
    entries = identities.get("ECID") if isinstance(identities, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and (ecid := _ecid(entry.get("id"))) is not None:
            return ecid
    return None


def _ecid(value: object) -> str | None:
    return value if isinstance(value, str) and _ECID.fullmatch(value) else None
