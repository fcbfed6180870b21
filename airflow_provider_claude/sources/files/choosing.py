"""Which files at a path are the source, and which are foreign: those are set aside, counted and shown.

A foreign file is one whose name has no format among files of one format, or of another format than the one that was
asked for. Two formats are never mixed silently, and data in a form that is not read is refused rather than set aside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.files.file import SourceFile
from airflow_provider_claude.sources.files.formats import FORMATS, SUFFIXES

#: Files that systems and mail programs leave in folders: never data.
_LITTER = re.compile(
    r"(?:.*/)?(?:thumbs\.db|ehthumbs\.db|desktop\.ini|icon⟨U\+000D⟩|folder\.jpg|table_of_contents|.*\.msf|msgfilterrules\.dat"
    r"|~\$.*|.*\.(?:md5|sha1|sha256|crc|lnk|bak|swp))",
    re.IGNORECASE,
)

#: Data in forms that are not read, compressed or packed, or still on its way.
_UNREAD = re.compile(
    r".*\.(?:xlsx?|xlsm|ods|avro|orc|feather|arrow|pst|ost|sqlite|zip|tar|tgz|7z|rar|bz2|xz|lz4|lzma|part|partial|filepart"
    r"|crdownload)",
    re.IGNORECASE | re.DOTALL,
)

#: So many files without a known suffix are foreign even where they are more than those with one.
_FEW = 2

Fits = Callable[[SourceFile, str], bool]


class Choice(NamedTuple):
    """What is read, as what; the names of what is not. Without a file the format is `none`."""

    format: str
    files: tuple[SourceFile, ...]
    foreign: tuple[str, ...]


def choose(files: Sequence[SourceFile], asked: str | None, where: str, fits: Fits) -> Choice:
    """The files of *files* that are the source at *where*; *asked* is the format the user has named, if any.

    *fits* says whether a file whose name has no format holds one. Raises SourceError where the choice is ambiguous.
    """
    data = [file for file in files if not _LITTER.fullmatch(file.name)]
    chosen = _asked(data, asked, fits) if asked else _by_names(data, where)
    kept = {file.path for file in chosen}
    return Choice(
        asked or (chosen[0].format if chosen else None) or "none",
        tuple(chosen),
        tuple(file.name for file in files if file.path not in kept),
    )


def _by_names(data: Sequence[SourceFile], where: str) -> list[SourceFile]:
    """The files of the one format in their names."""
    own = [file for file in data if file.format is not None]
    unknown = [file for file in data if file.format is None]
    if len({file.format for file in own}) > 1:
        raise _unclear(data, where, "holds files of several formats")
    if not own and unknown:
        raise _unclear(data, where, "holds no file with a known suffix")
    if unread := [file for file in unknown if _UNREAD.fullmatch(file.name)]:
        raise _unclear(unread, where, "holds data in a form that is not read")
    if len(unknown) > max(len(own), _FEW):
        raise _unclear(data, where, "holds more files without a known suffix than with one")
    return own


def _asked(data: Sequence[SourceFile], asked: str, fits: Fits) -> list[SourceFile]:
    """The files to be read as *asked*: those so named, and those without a known name that fit; else all."""
    if not any(file.format in {asked, None} for file in data):
        return list(data)
    meant = [file for file in data if file.format == asked or (file.format is None and fits(file, asked))]
    return meant or [file for file in data if file.format is None]


def _unclear(files: Sequence[SourceFile], where: str, what: str) -> SourceError:
    by_format = {file.format: file.name for file in files}
    found = ", ".join(f"{name!r:.80} ({kind or 'unknown'})" for kind, name in by_format.items())
    return SourceError(
        f"{where} {what}: {found}. Write a glob as source that matches only the files that are meant, or "
        f"source_format as one of {', '.join(map(repr, FORMATS))}. Known suffixes are {', '.join(SUFFIXES)}, each also with "
        ".gz or .zst."
    )
