"""Why an object cannot be read: apart from what reads it, whose libraries few functions carry."""

from __future__ import annotations


class UnreadableObjectError(Exception):
    """An object is not what events are read from, or not whole; `reason` says which, in a word or two."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ArchivedError(UnreadableObjectError):
    """An object lies in an archive, from which it may be restored as it was."""

    def __init__(self) -> None:
        super().__init__("archived")
