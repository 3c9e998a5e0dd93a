"""A folder of text files as a web site: one page, and below an address that changes with them all that it loads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PAGE = "index.html"
_UTF8 = "; charset=utf-8"
_MEDIA_TYPES = {
    ".html": "text/html" + _UTF8,
    ".css": "text/css" + _UTF8,
    ".js": "text/javascript" + _UTF8,
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".md": "text/plain" + _UTF8,
    ".txt": "text/plain" + _UTF8,
    "": "text/plain" + _UTF8,  # LICENSE
}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class File:
    """A text as it is sent."""

    text: str
    media_type: str


@dataclass(frozen=True, slots=True)
class StaticSite:
    """All files, in memory: no request ever becomes a path on disk.

    Args:
        digest: of all files, 16 hex digits.
        page: index.html, in which addresses that begin with `./` were led below the digest.
        files: the others, by their paths in the folder.

    """

    digest: str
    page: File
    files: Mapping[str, File]

    @classmethod
    def read(cls, folder: Path) -> StaticSite:
        """Read a folder. Raises ValueError for what is no text of a known kind, or leads out of the folder."""
        files = {path.relative_to(folder).as_posix(): _file(path) for path in folder.rglob("*") if not path.is_dir()}
        hashed = hashlib.sha256()
        for name, file in sorted(files.items()):
            hashed.update(f"{name}\0{file.text}\0".encode())
        digest = hashed.hexdigest()[:16]
        page = files.pop(_PAGE)
        return cls(digest, File(page.text.replace('="./', f'="{digest}/'), page.media_type), files)

    def file(self, address: str) -> File | None:
        """What lies at `<digest>/<path>`; None for everything else, whatever it is."""
        digest, _, path = address.partition("/")
        return self.files.get(path) if digest == self.digest else None


def _file(path: Path) -> File:
    media_type = _MEDIA_TYPES.get(path.suffix)
    if media_type is None or path.is_symlink():
        raise ValueError(f"{path.name} is no text that the site may serve")
    return File(path.read_text(encoding="utf-8"), media_type)
