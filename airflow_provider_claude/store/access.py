"""Who may read and write a run's files on a local disk: its user, or the user's group too. Never all users of a machine.

The modes are set on each file and folder that is made, whatever the umask says. Folders that are there keep theirs.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from airflow_provider_claude.errors import DestinationError


class Access(NamedTuple):
    """The modes of a *file* and of a *folder*."""

    file: int
    folder: int


OWNER = Access(0o600, 0o700)

#: What is made in a folder with the set-group-id bit belongs to the group of that folder.
GROUP = Access(0o660, 0o2770)

_access = OWNER


def grant(access: Access) -> None:
    """From now on this process makes files and folders with *access*."""
    global _access  # noqa: PLW0603 - as with a umask, there is one for the process
    _access = access


def granted() -> Access:
    return _access


def access_in(folder: Path) -> Access:
    """What *folder*, or the lowest above it that is there, was made with."""
    found = next(filter(None, map(_status, (folder, *folder.parents))))
    return GROUP if found.st_mode & GROUP.folder == GROUP.folder else OWNER


def make_folder(folder: Path) -> None:
    """Make *folder*, and those above it that are missing."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir(mode=OWNER.folder)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        folder.chmod(_access.folder)


def create_file(path: Path) -> int:
    """A descriptor for writing *path* from the start."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, OWNER.file)
    os.fchmod(handle, _access.file)
    return handle


def check_private(folder: Path, parameter: str) -> None:
    """Raise DestinationError where others can change what is in *folder*, or put another one in its place.

    They can where it, or a folder above it without the sticky bit, is writable for all, or where it belongs to another user.
    With the access of a group, it may belong to another user of that group.
    """
    for path in dict.fromkeys([folder, *folder.parents, *Path(os.path.realpath(folder)).parents]):
        found = _status(path)
        if found is None:
            continue
        if _is_open(found, sticky=path != folder):
            raise DestinationError(
                f"{parameter} is not safe: all users of the machine can write to {path}, and so change results, or put "
                f"others in their place. Nothing was written. Choose another folder, or take that right away (chmod o-w "
                f"{path}); where other users need it, give them a common group and set [claude] group_access to True."
            )
        if path == folder and _access is OWNER and found.st_uid not in {0, os.geteuid()}:
            raise DestinationError(
                f"{parameter} {folder} belongs to another user (id {found.st_uid}). Nothing was written. Choose another "
                "folder, or let both users share a group, and set [claude] group_access to True."
            )


def check_writable(folder: Path, parameter: str) -> None:
    """Raise DestinationError where this user may not write to *folder*, or not make it."""
    there = next(path for path in (folder, *folder.parents) if os.path.exists(path))  # noqa: PTH110 - this never raises
    if there.is_dir() and not os.access(there, os.W_OK | os.X_OK):
        raise DestinationError(
            f"{parameter} {folder} cannot be used: the workers' user (id {os.geteuid()}) may not write to {there}, which belongs "
            f"to user id {there.stat().st_uid}. Nothing was written. Make the folder and give it to the workers' user, or choose "
            "another one. Where several users share it, set [claude] group_access to True, and give their group the right to "
            "what is there (chmod -R g+rwX)."
        )


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # its first use raises the error
        return None


def _is_open(found: os.stat_result, *, sticky: bool) -> bool:
    """Whether all users can write there; the *sticky* bit keeps them from what belongs to others."""
    return bool(found.st_mode & stat.S_IWOTH) and not (sticky and found.st_mode & stat.S_ISVTX)
