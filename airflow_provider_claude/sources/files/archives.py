"""zip and tar archives, as folders whose files are read in place: nothing is unpacked beside them.

What is in an archive is bounded before it is read: how many files, how much of them, how many times the archive's own size.
Archives in archives, encrypted ones, and names that lead out of them or come twice are refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.files import tars, zips
from airflow_provider_claude.sources.files.file import SourceFile, UnreachableError, is_broken_content, shown
from airflow_provider_claude.sources.files.finding import Found, sorted_out
from airflow_provider_claude.sources.files.members import Contents, Lost

if TYPE_CHECKING:
    from upath import UPath

_ARCHIVE = re.compile(r".*\.(?:zip|tar|tgz|tar\.gz|tar\.zst)", re.IGNORECASE | re.DOTALL)


def expanded(found: Found, source: UPath) -> Found:
    """*found*, with what is in its archives instead of these, behind its other files.

    Raises SourceError where an archive cannot be read at all, or is not read for what is in it.
    """
    archives = [file for file in found.files if _ARCHIVE.fullmatch(file.name)]
    if not archives:
        return found
    files = [file for file in found.files if file not in archives]
    strays, skipped, rest = list(found.strays), list(found.skipped), list[SourceFile]()
    for archive in archives:
        inside = _contents(archive)
        paths = [f"{archive.path}/{name}" for name in inside.names]
        there = sorted_out(inside.fs, archive.path, paths, [], source)
        files += [replace(one, name=f"{archive.name}/{one.name}") for one in there.files]
        strays += [f"{archive.name}/{name}" for name in there.strays]
        skipped += [shown(f"{archive.name}/{name}") for name in inside.skipped]
        if inside.damage:
            rest.append(SourceFile(Lost(UnreachableError(inside.damage)), archive.path, archive.name))
    return replace(found, files=tuple(files), strays=tuple(strays), skipped=tuple(skipped), rest=(*found.rest, *rest))


def _contents(file: SourceFile) -> Contents:
    """What is in the archive *file*. Raises SourceError where it cannot be read at all, or is not read for what is in it."""
    try:
        return zips.contents(file) if file.name.lower().endswith(".zip") else tars.contents(file)
    except Exception as e:
        if not is_broken_content(e):
            raise
        raise SourceError(
            f"The archive {file.name} cannot be read ({e}): truncated, or not an archive. Repair or remove it, or unpack it and "
            "write the folder of its files as source."
        ) from e
