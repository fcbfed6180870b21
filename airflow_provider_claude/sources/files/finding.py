"""The files a source path stands for, in a fixed order, on any store.

A path is a file, a folder (searched to the bottom) or a glob; a part of it that exists as it is written, and as a glob would
stand for nothing else, is no glob. In a folder or a glob, whatever has a part starting with `.` or `_` is not data and is
skipped: `_SUCCESS`, `.part-0.crc`, `_temporary/…`. Of a Maildir, `cur` and `new` are read.
Names are relative to the folder, or to the part of the glob before its first wildcard.

Where a path leads has to be allowed, and so has what a link in a folder leads to: that is read where it is a file. A link to
elsewhere, or to nothing, whose name is that of data is a file that cannot be opened: its rows are missing. Other links, and what
is no regular file (pipes, sockets, devices), are skipped, and named.

A folder that cannot be looked into stands for an unknown number of files. What else cannot be looked at raises the store's
error: it never counts as a missing file.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.globs import Glob, has_wildcards, without_wildcards
from airflow_provider_claude.errors import SourceError, StoreError
from airflow_provider_claude.sources.files.allowed import Allowed, Location
from airflow_provider_claude.sources.files.file import SourceFile, UnreachableError, shown
from airflow_provider_claude.sources.files.lakehouse_tables import refuse_lakes
from airflow_provider_claude.sources.files.maildir import MailFolders
from airflow_provider_claude.sources.files.members import Lost
from airflow_provider_claude.sources.files.stores import Disk, Remote, why_unopened

if TYPE_CHECKING:
    from upath import UPath

#: The type of a folder that cannot be looked into.
_UNREACHED = "unreached"

#: Folders that file systems make for themselves, and keep for their administrator.
_OF_THE_SYSTEM = re.compile(r"(^|/)(lost\+found|System Volume Information|\$RECYCLE\.BIN|#recycle|#snapshot|@eaDir)$")

#: The characters of a path that the system takes, and how many are kept of all paths of folders that are longer.
_USUAL, _MOST_KEPT = 4_096, 64 << 20


class MissingSourceError(SourceError):
    """There is no file at the path of a source."""


@dataclass(frozen=True, slots=True)
class Found:
    """The files at a path, sorted by name, and the names of those that lie in a Maildir but are no mail of it.

    *single* says that the path is that of one file. *skipped* are the names of what is no file that may be read. *rest* stand
    for what cannot be reached: in a folder, or behind the damage of an archive.
    """

    files: tuple[SourceFile, ...]
    strays: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    single: bool = False
    rest: tuple[SourceFile, ...] = ()


def find_files(path: UPath, allowed: Allowed | None = None) -> Found:
    """What *path* stands for. *allowed*: what may be read; None is what *path* stands for itself.

    Raises MissingSourceError where there is no such thing, or no file in it, SourceError where it is not allowed, and StoreError
    where the workers may not look.
    """
    location = allowed.check(path) if allowed else Location.of(path)
    root = location.path
    fs: Any = Disk(allowed or Allowed((_top(location),))) if location.is_local else Remote(path.fs)
    fs.invalidate_cache()
    try:
        return _found(fs, root, path)
    except PermissionError as e:
        raise StoreError(
            f"The workers' user, or its connection, may not look at the source {path} ({e.strerror or str(e)[:300]}). Nothing "
            "was sent. Give it the right to read what is there, and to enter the folders above."
        ) from e


def _found(fs: Any, root: str, path: UPath) -> Found:
    base, pattern = _parted(fs, root)
    match _type(fs, base) if base else "directory":
        case "directory" if pattern:
            return _below(fs, base, _matching(fs, base, pattern), path)
        case "directory":
            return _below(fs, root, _listed(fs, root), path)
        case _ if pattern:
            raise MissingSourceError(f"There is no source at {path}: its folder {base} does not exist.")
        case None:
            raise MissingSourceError(
                f"There is no source at {path}: looked for a file, a folder and a glob of that name."
            )
        case "other":
            raise SourceError(f"There is no source at {path}: it is not a regular file.")
        case _:
            return _single(fs, root, path)


def _top(location: Location) -> Location:
    """The folder that holds all that the glob *location* stands for; *location* where it is none."""
    return location._replace(path=without_wildcards(location.path))


def _single(fs: Any, root: str, path: UPath) -> Found:
    folder, _, name = root.rpartition("/")
    file = SourceFile(fs, root, shown(name))
    if file.format is None and MailFolders.of([root], []).holds(root):
        file = replace(file, kind="eml")
    refuse_lakes(fs, folder, [root], path)
    return Found((file,), single=True)


def _below(fs: Any, base: str, listing: dict[str, dict[str, Any]], path: UPath) -> Found:
    """The files of *listing*, paths below *base*."""
    paths = sorted(name for name, info in listing.items() if _is_file(name, info))
    folders = [name for name, info in listing.items() if info["type"] == "directory"]
    found = sorted_out(fs, base, paths, folders, path)
    mail = MailFolders.of(paths, folders)
    lost = [one for one in _unreached(listing, base) if mail.encloses(one.path) or not _is_hidden(one.name)]
    idle = {file.name for file in found.files if listing[file.path].get("astray") and file.format is None}
    idle |= {folder.name for folder in lost if _OF_THE_SYSTEM.search(folder.name)}
    found = replace(
        found,
        files=tuple(file for file in found.files if file.name not in idle),
        skipped=(*_skipped(listing, base), *sorted(idle)),
        rest=tuple(folder for folder in lost if folder.name not in idle),
    )
    if found.files:
        return found
    if unread := [*found.skipped, *(file.name for file in found.rest)]:
        raise SourceError(f"{path} holds nothing that may be read, but {unread[0]!r:.200}: {_unread(found)}.")
    raise MissingSourceError(f"There is no source at {path}: {_nothing(listing, folders, found.strays)}.")


def _skipped(listing: Mapping[str, dict[str, Any]], base: str) -> Iterator[str]:
    names = (shown(_below_base(name, base)) for name, info in sorted(listing.items()) if info["type"] == "other")
    return (name for name in names if not _is_hidden(name))


def _unreached(listing: Mapping[str, dict[str, Any]], base: str) -> Iterator[SourceFile]:
    """What stands for the folders that cannot be looked into."""
    for path, info in sorted(listing.items()):
        if info["type"] == _UNREACHED:
            yield SourceFile(Lost(UnreachableError(info["why"])), path, shown(_below_base(path, base)))


def _unread(found: Found) -> str:
    return "a folder that cannot be looked into" if found.rest else "a link to elsewhere, or not a regular file"


def _below_base(path: str, base: str) -> str:
    return path[len(base.rstrip("/")) + 1 :]


def _is_file(name: str, info: dict[str, Any]) -> bool:
    """Whether it is a file, and no link, and no mark that object stores set for a folder."""
    return info["type"] == "file" and not info.get("islink") and not name.endswith("/")


def sorted_out(fs: Any, base: str, paths: Sequence[str], folders: Sequence[str], source: UPath) -> Found:
    """What of *paths*, below *base*, may be data, in their order. Raises SourceError where they are part of another table."""
    refuse_lakes(fs, base, paths, source)
    mail = MailFolders.of(paths, folders)
    start = len(base.rstrip("/")) + 1
    files = [SourceFile(fs, one, shown(one[start:]), "eml" if mail.holds(one) else None) for one in paths]
    strays = tuple(file.name for file in files if file.kind is None and mail.is_stray(file.path))
    return Found(
        tuple(file for file in files if file.kind or not (_is_hidden(file.name) or mail.encloses(file.path))), strays
    )


def _nothing(listing: Collection[str], folders: Sequence[str], strays: tuple[str, ...]) -> str:
    if not listing:
        return "nothing is there"
    if strays:
        return "the Maildir holds no mail"
    more = f", but {len(folders):,} folders: a source that ends in /** is all that is in them" if folders else ""
    return f"there is no data file{more}"


def _is_hidden(name: str) -> bool:
    return re.search(r"(^|/)[._]|_\$folder\$$", name) is not None


def _type(fs: Any, path: str) -> str | None:
    """`file`, `directory`, or None where there is nothing. Raises the store's error where that is unknown."""
    try:
        return str(fs.info(path)["type"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as e:
        if e.errno in {errno.ENAMETOOLONG, errno.ELOOP}:
            return None
        raise


def _parted(fs: Any, root: str) -> tuple[str, str]:
    """The folder a glob begins with, and its pattern below that; *root* and no pattern where it is none."""
    parts = root.split("/")
    for number, part in enumerate(parts):
        above = "/".join(parts[:number])
        if has_wildcards(part) and not _is_name(fs, above, part, folder=number + 1 < len(parts)):
            return above, "/".join(parts[number:])
    return root, ""


def _is_name(fs: Any, above: str, part: str, *, folder: bool) -> bool:
    """Whether *part* is what a file, or *folder*, in *above* is called, and as a glob would stand for nothing else.

    So a file called `*.eml`, which a sender may place beside the others, does not replace them.
    """
    kind = _type(fs, f"{above}/{part}")
    if kind is None or (folder and kind != "directory"):
        return False
    other = next((one for one in _names_in(fs, above) if one != part and Glob(part).matches(one)), None)
    if other is not None and not set(part) & set("*?"):
        raise SourceError(
            f"{part!r:.200} of source is there in {above}, and is a glob of {other!r:.200}, too. Write [[] for a literal "
            "bracket, or rename one of them."
        )
    return other is None


def _names_in(fs: Any, folder: str) -> list[str]:
    try:
        return [info["name"].rstrip("/").rpartition("/")[2] for info in fs.ls(folder, detail=True)]
    except PermissionError:  # no glob can be looked for either
        return []


def _matching(fs: Any, base: str, pattern: str) -> dict[str, dict[str, Any]]:
    glob = Glob(pattern)
    depth = None if "**" in pattern else pattern.count("/") + 1
    return {
        path: info
        for path, info in _listed(fs, base, depth, lambda folder: glob.leads_into(_below_base(folder, base))).items()
        if info["type"] == _UNREACHED or glob.matches(_below_base(path, base))
    }


def _listed(
    fs: Any, base: str, depth: int | None = None, leads_into: Callable[[str], bool] = lambda _: True
) -> dict[str, dict[str, Any]]:
    """All files and folders below *base*, *depth* levels at most; of a disk those in folders that the source *leads_into*."""
    if fs.async_impl:  # object stores list all of a prefix at once, and raise where they cannot
        found: dict[str, dict[str, Any]] = fs.find(base, maxdepth=depth, withdirs=True, detail=True)
        return {name: info for name, info in found.items() if name.rstrip("/") != base.rstrip("/")}
    return dict(_walked(fs, base, leads_into))


def _walked(fs: Any, base: str, leads_into: Callable[[str], bool]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same where a folder is listed at a time: `find` leaves out silently what it cannot read."""
    level: Iterable[str] = [base]
    kept = 0
    while level:
        kept += sum(len(folder) for folder in level if len(folder) > _USUAL)
        there = [
            entry
            for folder in level
            for entry in (_unreachable(folder, "it lies too deep") if kept > _MOST_KEPT else _entries(fs, folder, base))
        ]
        yield from there
        level = [name for name, info in there if _is_folder(info) and leads_into(name)]


def _is_folder(info: Mapping[str, Any]) -> bool:
    return info["type"] == "directory" and not info.get("islink")


def _entries(fs: Any, folder: str, base: str) -> list[tuple[str, dict[str, Any]]]:
    """What is in *folder*; where one below *base* cannot be looked into, the folder itself, and why."""
    try:
        return [(info["name"].rstrip("/"), info) for info in fs.ls(folder, detail=True)]
    except OSError as e:
        why = why_unopened(e)
        if why is None or folder == base:
            raise
        return _unreachable(folder, why)


def _unreachable(folder: str, why: str) -> list[tuple[str, dict[str, Any]]]:
    return [(folder, {"type": _UNREACHED, "why": f"the folder cannot be looked into: {why}"})]
