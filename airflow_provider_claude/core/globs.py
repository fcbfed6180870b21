"""Globs of paths: `*`, `?` and `[…]` stand for characters of one part, `**` for any number of parts.

A match takes time in proportion to len(pattern) × len(name), for any number of wildcards.
The suffixes that a pattern ends in match in any letter case, because they name a format in any.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence

from airflow_provider_claude.errors import SourceError

_MAGIC = re.compile(r"[*?\[]")
_SUFFIXES = re.compile(r"(?:\.[A-Za-z0-9]+)+\Z")

#: Whether one part of a path matches one of a pattern; None for `**`.
_Part = Callable[[str], object] | None

_NEVER: _Part = re.compile("(?!)").match


def has_wildcards(path: str) -> bool:
    return _MAGIC.search(path) is not None


def without_wildcards(path: str) -> str:
    """The folder above the first wildcard; *path* where there is none."""
    found = _MAGIC.search(path)
    return path[: found.start()].rpartition("/")[0] if found else path


class Glob:
    """A *pattern* of names. Raises SourceError where `**` is not a part of its own, and for `[^`."""

    def __init__(self, pattern: str) -> None:
        suffix = _SUFFIXES.search(pattern)
        self._count = len(suffix[0]) if suffix else 0
        self._parts = [_part(one) for one in _lowered(pattern, self._count).split("/")]
        if self._parts[-1] is None:  # it stands for what is in a folder, not for the folder
            self._parts.append(_part("*"))

    def matches(self, name: str) -> bool:
        return _matches(self._parts, _lowered(name, self._count).split("/"))

    def leads_into(self, folder: str) -> bool:
        """Whether something in *folder* may match."""
        names = folder.split("/")
        for part, name in zip(self._parts, names, strict=False):
            if part is None:
                return True
            if not part(name):
                return False
        return len(names) < len(self._parts)


def _lowered(name: str, count: int) -> str:
    """*name*, the last *count* characters in lower case."""
    return name[:-count] + name[-count:].lower() if count else name


def _part(pattern: str) -> _Part:
    if pattern == "**":
        return None
    if "**" in pattern:
        raise SourceError(
            f"In {pattern!r:.100} of source, ** is beside other characters. Alone between slashes it stands for any number of "
            "folders: write **/*.eml for the mails in all of them, or *.eml for those of one."
        )
    if "[^" in pattern:
        raise SourceError(
            f"In {pattern!r:.100} of source, write [!…] for all but these characters: [^…] has several meanings."
        )
    return re.compile(fnmatch.translate(pattern)).match  # its groups are atomic: no wildcard is tried again


def _matches(parts: Sequence[_Part], names: Sequence[str]) -> bool:
    """Whether *names* are what *parts* stand for. A `**` takes as few as it can: what is behind it has then the most left."""
    at = number = 0
    again: tuple[int, int] | None = None  # the part behind the last `**`, and the name that is tried next for it
    while number < len(names):
        part = parts[at] if at < len(parts) else _NEVER
        if part is None:
            at, again = at + 1, (at + 1, number + 1)
        elif part(names[number]):
            at, number = at + 1, number + 1
        elif again:
            (at, number), again = again, (again[0], again[1] + 1)
        else:
            return False
    return at == len(parts)
