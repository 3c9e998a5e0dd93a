"""Result files: sections that are replaced one by one, each with the command and the versions that made it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

_PEERS = ("numpy", "mabwiser", "river", "vowpalwabbit")


class Report:
    """A Markdown file of `##` sections, in the order in which they first came."""

    def __init__(self, path: Path, head: str) -> None:
        self._path, self._head = path, head

    def put(self, title: str, lines: list[str]) -> None:
        """Write one section and leave the others as they are."""
        sections = self._sections() | {title: "\n".join(lines).strip()}
        body = "".join(f"\n\n## {name}\n\n{text}" for name, text in sections.items())
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(f"{self._head.strip()}{body}\n", encoding="utf-8")

    def _sections(self) -> dict[str, str]:
        if not self._path.exists():
            return {}
        _, *parts = self._path.read_text(encoding="utf-8").split("\n## ")
        return {title: text.strip() for title, _, text in (part.partition("\n") for part in parts)}


def command(verb: str) -> str:
    """What was run, as it can be run again."""
    return f'make {verb} ARGS="{" ".join(sys.argv[1:])}"' if sys.argv[1:] else f"make {verb}"


def versions() -> str:
    """Python, machine and libraries."""
    libraries = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PEERS)
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {libraries}"
