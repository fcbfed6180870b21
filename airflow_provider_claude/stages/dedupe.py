"""Which rows are the first with their text, on a temporary SQLite file, so that memory does not grow with the rows.

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

_SETTINGS = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA cache_size = -32768;
    CREATE TABLE texts (digest BLOB PRIMARY KEY, ordinal INTEGER NOT NULL, item_id TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE ids (digest BLOB PRIMARY KEY, text BLOB NOT NULL) WITHOUT ROWID;
    BEGIN;
"""


class Place(NamedTuple):
    """Where a row belongs: an item of its own (*ordinal*), with its *twin* (the twin's ordinal, and its id), or
    nowhere (no ordinal): its id is taken by a row of other text.
    """

    ordinal: int | None
    twin: str | None = None


class Index:
    """All texts and ids so far. A context manager; what it knows is gone at its end."""

    def __init__(self) -> None:
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

    def fold(self, digests: Sequence[bytes], item_ids: Sequence[str]) -> list[Place]:
        """The places of rows with these *digests* of their texts and these ids, in order; they are known from now on.

        At most 30,000 rows at a time. A row with both the text and the id of an earlier one is its duplicate.
        """
        texts = [digest[:16] for digest in digests]
        names = [hashlib.sha256(item_id.encode()).digest()[:16] for item_id in item_ids]
        known_texts = {digest: Place(*place) for digest, *place in self._known("texts", texts)}
        known_names = dict(self._known("ids", names))
        new_texts: list[tuple[bytes, int, str]] = []
        new_names: list[tuple[bytes, bytes]] = []
        places: list[Place] = []
        for text, name, item_id in zip(texts, names, item_ids, strict=True):
            if known_names.setdefault(name, text) != text:
                places.append(Place(None))
                continue
            new_names.append((name, text))
            if twin := known_texts.get(text):
                places.append(twin)
                continue
            known_texts[text] = Place(self._items, item_id)
            new_texts.append((text, self._items, item_id))
            places.append(Place(self._items))
            self._items += 1
        self._database.executemany("INSERT INTO texts VALUES (?, ?, ?)", new_texts)
        self._database.executemany("INSERT OR IGNORE INTO ids VALUES (?, ?)", new_names)
        return places

    def _known(self, table: str, digests: Sequence[bytes]) -> sqlite3.Cursor:
        marks = ",".join("?" * len(digests))
        return self._database.execute(f"SELECT * FROM {table} WHERE digest IN ({marks})", digests)  # noqa: S608 - ours
