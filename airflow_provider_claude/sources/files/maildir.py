"""Which files of a tree are the mails of a Maildir: those in `cur` and `new` of each of its folders, and nothing else.

A folder is one of a Maildir where it has two of `cur`, `new` and `tmp`, or where a file in `cur` or `new` has the name that
deliveries give: `1730000000.M1P1.host`, with `:2,S` behind it once a client has seen it. (cr.yp.to/proto/maildir.html)
An object store has no empty folders, so both are looked for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_claude.sources.files.file import SourceFile
from airflow_provider_claude.sources.files.formats import SUFFIXES

#: `:` is `!`, `;` or `-` where a disk takes no colons.
_DELIVERED = re.compile(r"\d{9,}[._][^/]+|[^/]+[:;!-]2,[A-Za-z]*(?:\.\w{2,3})?")

#: What servers keep beside the mails.
_CONTROL = re.compile(r"(?:^|/)(?:\.[^/]*|dovecot[^/]*|courier[^/]*|maildir[^/]*|subscriptions|tmp/[^/]*)$")

_TABLES = frozenset(SUFFIXES) - {".eml", ".emlx", ".msg"}


@dataclass(frozen=True, slots=True)
class MailFolders:
    """The *folders* of Maildirs, by their paths."""

    folders: frozenset[str]

    @classmethod
    def of(cls, paths: Iterable[str], folders: Iterable[str]) -> MailFolders:
        """Those in a tree of files, *paths*, and of *folders*."""
        parts: defaultdict[str, set[str]] = defaultdict(set)
        sure, tables = set[str](), set[str]()
        for folder in folders:
            _note(parts, folder)
        for path in paths:
            folder, _, name = path.rpartition("/")
            _note(parts, folder)
            if folder.endswith(("/cur", "/new")) and not name.startswith("."):
                if not _may_be_mail(name):
                    tables.add(folder[:-4])
                elif _DELIVERED.fullmatch(name):
                    sure.add(folder[:-4])
        return cls(frozenset(sure | {folder for folder, there in parts.items() if len(there) > 1} - tables))

    def holds(self, path: str) -> bool:
        """Whether *path* is a mail."""
        folder, _, name = path.rpartition("/")
        return folder.endswith(("/cur", "/new")) and folder[:-4] in self.folders and _may_be_mail(name)

    def encloses(self, path: str) -> bool:
        """Whether *path* lies anywhere in a Maildir."""
        if not self.folders:
            return False
        parts = path.split("/")
        return any("/".join(parts[:number]) in self.folders for number in range(1, len(parts)))

    def is_stray(self, path: str) -> bool:
        """Whether *path* lies in a Maildir, and is neither a mail nor what a server keeps there."""
        return self.encloses(path) and not self.holds(path) and not _CONTROL.search(path)


def _note(parts: defaultdict[str, set[str]], folder: str) -> None:
    above, _, name = folder.rpartition("/")
    if name in {"cur", "new", "tmp"}:
        parts[above].add(name)


def _may_be_mail(name: str) -> bool:
    return not name.startswith(".") and SourceFile(None, name, name).suffixes[0] not in _TABLES
