"""How a foreign text stands in a command that is to be pasted into a shell."""

from __future__ import annotations

import shlex


def quoted(text: str) -> str:
    """One word of a shell, on one line: what cannot be printed is written as bash and zsh read it, byte by byte."""
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(one if one.isprintable() and one not in "\\'" else _bytes(one) for one in text) + "'"


def _bytes(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode(errors="surrogateescape"))
