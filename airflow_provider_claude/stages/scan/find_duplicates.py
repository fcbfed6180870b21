"""Which rows are the first with their text, or with nearly their text.

The index is a temporary SQLite file, so that memory does not grow with the rows.

Texts and ids are known by 16 bytes of their SHA-256: among a billion rows, the chance that any two are mistaken
for one another is about one in 10^20.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from airflow_provider_claude.core.scan.near_duplicates import Signature

_SETTINGS = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA cache_size = -8192;
    CREATE TABLE texts (digest BLOB PRIMARY KEY, ordinal INTEGER NOT NULL, item_id TEXT NOT NULL, near INTEGER NOT NULL)
        WITHOUT ROWID;
    CREATE TABLE near (item INTEGER PRIMARY KEY, hashes BLOB NOT NULL, item_id TEXT NOT NULL);
    CREATE TABLE bands (band BLOB, item INTEGER, PRIMARY KEY (band, item)) WITHOUT ROWID;
    CREATE TABLE ids (digest BLOB PRIMARY KEY, text BLOB NOT NULL) WITHOUT ROWID;
    BEGIN;
"""


class Assignment(NamedTuple):
    """What a row becomes: an item of its own (*ordinal*), with its *original* (the ordinal and the id of that item), or
    nowhere (no ordinal): its id is taken by a row of other text. *near*: it is only similar to its original.
    """

    ordinal: int | None
    original: str | None = None
    near: bool = False


#: So many of the latest items that share a band are compared.
_MOST_COMPARED = 20


class Index:
    """All texts and ids so far. A context manager; what it knows is gone at its end.

    Texts whose *similarity* (0 to 1) is at least this are taken for the same, where they have a signature.
    """

    def __init__(self, similarity: float = 1.0) -> None:
        self._similarity = similarity
        self._folder = tempfile.TemporaryDirectory(prefix="claude-scan-")
        self._database = sqlite3.connect(Path(self._folder.name) / "index.sqlite", isolation_level=None)
        self._database.executescript(_SETTINGS)
        self._items = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()
        self._folder.cleanup()

    def fold(
        self, digests: Sequence[bytes], item_ids: Sequence[str], near: Sequence[Signature | None] = ()
    ) -> list[Assignment]:
        """The assignments of rows with these *digests* of their texts and these ids, in order; the rows are known from now on.

        At most 30,000 rows at a time. A row with both the text and the id of an earlier one is its duplicate. *near*: the
        signatures of the texts, None for one that is like no other.
        """
        texts = [digest[:16] for digest in digests]
        names = [hashlib.sha256(item_id.encode()).digest()[:16] for item_id in item_ids]
        known_texts = {
            digest: Assignment(ordinal, original, bool(similar))
            for digest, ordinal, original, similar in self._known("texts", texts)
        }
        known_names = dict(self._known("ids", names))
        new_texts: list[tuple[bytes, int, str, bool]] = []
        new_names: list[tuple[bytes, bytes]] = []
        assignments: list[Assignment] = []
        for text, name, item_id, alike in zip(texts, names, item_ids, near or [None] * len(texts), strict=True):
            if known_names.setdefault(name, text) != text:
                assignments.append(Assignment(None))
                continue
            new_names.append((name, text))
            if original := known_texts.get(text):
                assignments.append(original)
                continue
            like = self._alike(alike, item_id) if alike else None
            ordinal, known_as = like or (self._items, item_id)
            known_texts[text] = Assignment(ordinal, known_as, near=like is not None)
            new_texts.append((text, ordinal, known_as, like is not None))
            assignments.append(known_texts[text] if like else Assignment(ordinal))
            self._items += like is None
        self._database.executemany("INSERT INTO texts VALUES (?, ?, ?, ?)", sorted(new_texts))
        self._database.executemany("INSERT OR IGNORE INTO ids VALUES (?, ?)", sorted(new_names))
        return assignments

    def _alike(self, signature: Signature, item_id: str) -> tuple[int, str] | None:
        """Ordinal and id of the item most similar to *signature*; without one, the row is added to the index."""
        bands = list(signature.bands())
        marks = ",".join("?" * len(bands))
        found = self._database.execute(
            "SELECT item, hashes, item_id FROM near WHERE item IN"  # noqa: S608 - ours
            f" (SELECT item FROM bands WHERE band IN ({marks}) ORDER BY item DESC LIMIT {_MOST_COMPARED})",
            bands,
        )
        alike = [(signature.similarity(hashes), -item, name) for item, hashes, name in found]
        if alike and max(alike)[0] >= self._similarity:
            _, item, name = max(alike)
            return -item, name
        self._database.execute("INSERT INTO near VALUES (?, ?, ?)", (self._items, signature.values, item_id))
        self._database.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", [(band, self._items) for band in bands])
        return None

    def _known(self, table: str, digests: Sequence[bytes]) -> sqlite3.Cursor:
        marks = ",".join("?" * len(digests))
        return self._database.execute(f"SELECT * FROM {table} WHERE digest IN ({marks})", digests)  # noqa: S608 - ours
