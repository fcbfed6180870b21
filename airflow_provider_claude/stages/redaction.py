"""Redaction of one scan: a key that stays with the run folder, tokens that are never two values', a sealed mapping.

    redaction.json            the key of the run folder's tokens, made once: a scan, a retry and a scan of the same day again
                              give the same tokens, and with them the same requests
    mapping/part-00000.enc    what the tokens stand for, only where it was asked for: a sealed line for each 10,000

Whoever has the key can find a phone number by trying all of them: it is sealed wherever there is a cipher.
"""

from __future__ import annotations

import base64
import secrets
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import msgspec

from airflow_provider_claude.core.chunks import batched
from airflow_provider_claude.core.scan.normalise import Cleaned
from airflow_provider_claude.core.scan.redact import Pair, Redactor
from airflow_provider_claude.core.scan.redacting import Cipher, Redacting
from airflow_provider_claude.errors import JobError, StateError
from airflow_provider_claude.extras import need
from airflow_provider_claude.store import (
    RedactionRecord,
    RunFolder,
    atomic_output,
    list_names,
    read_record,
    remove,
    write_new_record,
)

_LINE_PAIRS = 10_000
_QUERY_TOKENS = 10_000


class Redaction:
    """Redacts the columns of one scan; *counts* is how many finds there were, by kind."""

    def __init__(self, redactor: Redactor, tokens: Tokens, keep: Callable[[Sequence[Pair]], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._redactor, self._tokens, self._keep = redactor, tokens, keep
        self._longer: frozenset[bytes] = frozenset()

    def columns(self, cleaned: Mapping[str, Cleaned]) -> dict[str, Cleaned]:
        """*cleaned* with tokens in its texts."""
        return {name: self._column(column) for name, column in cleaned.items()}

    def digest(self, digest: bytes) -> bytes:
        """What stands for *digest*, the digest of texts as they came, so that nobody can try which texts those are."""
        return self._redactor.keyed(digest)

    def _column(self, column: Cleaned) -> Cleaned:
        redacted = self._redactor.redact(column.texts, self._longer)
        new, taken = self._tokens.sort(redacted.pairs)
        while taken:
            self._longer |= taken
            redacted = self._redactor.redact(column.texts, self._longer)
            new, taken = self._tokens.sort(redacted.pairs)
        self._tokens.add(new)
        self._keep(new)
        self.counts.update(redacted.counts)
        return replace(column, texts=redacted.texts)


@contextmanager
def open_redaction(run: RunFolder, settings: Redacting | None, now: str) -> Iterator[Redaction | None]:
    """The redaction of a scan into *run*, None without *settings*. An earlier mapping of the run is gone.

    Raises JobError where a mapping is asked for without a cipher, and StateError where the key cannot be read.
    """
    if settings is not None and settings.mapping and settings.cipher is None:
        raise JobError("A mapping of what is redacted is only kept encrypted, and there is no cipher.")
    remove(run.file("mapping"))
    if settings is None:
        yield None
        return
    need("redact", "redact")
    key = _run_key(run, settings.cipher, now)
    redactor = Redactor(settings.kinds, key, settings.region, settings.countries)
    with ExitStack() as stack:
        tokens = stack.enter_context(Tokens.open())
        keep: Callable[[Sequence[Pair]], None] = _forget
        if settings.mapping and settings.cipher is not None:
            keep = stack.enter_context(_mapping_writer(run, settings.cipher))
        yield Redaction(redactor, tokens, keep)


def _run_key(run: RunFolder, cipher: Cipher | None, now: str) -> bytes:
    """The key of *run*: what is on record, or a new one, of which one writer's wins."""
    place = run.file("redaction.json")
    record = read_record(place, RedactionRecord)
    if record is None:
        write_new_record(place, _new_key(cipher, now))
        record = read_record(place, RedactionRecord)
    if record is None:
        raise StateError(f"{place} was written and is not there.")
    if not record.sealed:
        return base64.b64decode(record.key)
    if cipher is None:
        raise StateError(f"{place} is encrypted, and no Fernet key is configured here. Configure the one of that time.")
    return cipher.unseal(record.key.encode())


def _new_key(cipher: Cipher | None, now: str) -> RedactionRecord:
    key = secrets.token_bytes(32)
    kept = cipher.seal(key) if cipher else base64.b64encode(key)
    return RedactionRecord(key=kept.decode(), sealed=cipher is not None, at=now)


def _forget(pairs: Sequence[Pair]) -> None:
    """Keep nothing of *pairs*."""


@contextmanager
def _mapping_writer(run: RunFolder, cipher: Cipher) -> Iterator[Callable[[Sequence[Pair]], None]]:
    pending: list[tuple[str, str, str]] = []

    def keep(pairs: Sequence[Pair]) -> None:
        pending.extend((pair.token, pair.kind, pair.value) for pair in pairs)
        while len(pending) >= _LINE_PAIRS:
            _write_line(stream, cipher, pending[:_LINE_PAIRS])
            del pending[:_LINE_PAIRS]

    with atomic_output(run.file("mapping") / "part-00000.enc") as stream:
        yield keep
        _write_line(stream, cipher, pending)


def _write_line(stream: IO[bytes], cipher: Cipher, pairs: Sequence[tuple[str, str, str]]) -> None:
    stream.write(cipher.seal(msgspec.json.encode(pairs)) + b"\n")


def read_mapping(run: RunFolder, cipher: Cipher) -> Iterator[list[tuple[str, str, str]]]:
    """What the tokens of *run* stand for: token, kind and value, up to 10,000 at a time.

    Raises StateError where no mapping was kept, or *cipher* cannot open it.
    """
    names = [name for name in list_names(run.file("mapping")) if name.endswith(".enc")]
    if not names:
        raise StateError(f"{run} has no mapping: it was scanned without redaction_mapping=True.")
    for name in names:
        with (run.file("mapping") / name).open("rb") as stream:
            for line in stream:
                yield msgspec.json.decode(cipher.unseal(line.rstrip(b"\n")), type=list[tuple[str, str, str]])


class Tokens:
    """The tokens of a scan so far, each with the digest of its value, on a temporary SQLite file."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8192;"
            "CREATE TABLE tokens (token TEXT PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID; BEGIN;"
        )

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Tokens]:
        with tempfile.TemporaryDirectory(prefix="claude-redact-") as folder:
            database = sqlite3.connect(Path(folder) / "tokens.sqlite", isolation_level=None)
            try:
                yield cls(database)
            finally:
                database.close()

    def sort(self, pairs: Sequence[Pair]) -> tuple[list[Pair], frozenset[bytes]]:
        """Those of *pairs* that are new, and the digests of those whose tokens are another value's."""
        known = self._known([pair.token for pair in pairs])
        new, taken = [], set()
        for pair in pairs:
            first = known.get(pair.token)
            if first is None:
                known[pair.token] = pair.digest
                new.append(pair)
            elif first != pair.digest:
                taken.add(pair.digest)
        return new, frozenset(taken)

    def add(self, pairs: Sequence[Pair]) -> None:
        self._database.executemany("INSERT INTO tokens VALUES (?, ?)", [(pair.token, pair.digest) for pair in pairs])

    def _known(self, tokens: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for some in batched(tokens, _QUERY_TOKENS):
            marks = ",".join("?" * len(some))
            found.update(self._database.execute(f"SELECT * FROM tokens WHERE token IN ({marks})", some))  # noqa: S608 - ours
        return found
