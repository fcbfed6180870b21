"""Redaction of a scan: a key that stays with the run folder, the same for all tasks that share it, and a sealed mapping.

    redaction.json            the key of the run folder's tokens, made once: a scan, a retry and a scan of the same day again
                              give the same tokens, and with them the same requests
    mapping/part-00000.enc    what the tokens stand for, only where it was asked for: a sealed line for each 10,000; a
                              part for each task that read

With the key, a phone number can be found by trying all numbers: so the key is sealed wherever there is a cipher.
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
from airflow_provider_claude.core.scan.pii.redaction import Cipher, Redacting
from airflow_provider_claude.core.scan.pii.replace import Pair, Redactor
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
    """Redacts the columns of a scan; *counts* is how many finds there were, by kind."""

    def __init__(self, redactor: Redactor, keep: Callable[[Sequence[Pair]], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._redactor, self._keep = redactor, keep

    def columns(self, cleaned: Mapping[str, Cleaned]) -> dict[str, Cleaned]:
        """*cleaned* with tokens in its texts."""
        return {name: self._column(column) for name, column in cleaned.items()}

    def digest(self, digest: bytes) -> bytes:
        """A keyed hash of *digest*, the digest of texts as they came, so that the texts cannot be guessed by trial."""
        return self._redactor.keyed(digest)

    def _column(self, column: Cleaned) -> Cleaned:
        redacted = self._redactor.redact(column.texts)
        self._keep(redacted.pairs)
        self.counts.update(redacted.counts)
        return replace(column, texts=redacted.texts)


def forget_mapping(run: RunFolder, settings: Redacting | None) -> None:
    """Remove what an earlier scan of *run* has kept. Raises JobError where *settings* ask for a mapping without a cipher."""
    if settings is not None and settings.mapping and settings.cipher is None:
        raise JobError("The mapping of redacted values is only kept encrypted, and there is no cipher.")
    remove(run.file("mapping"))


@contextmanager
def open_redaction(run: RunFolder, settings: Redacting | None, now: str, part: int = 0) -> Iterator[Redaction | None]:
    """The redaction of part *part* of a scan into *run*, None without *settings*.

    Raises StateError where the key cannot be read.
    """
    if settings is None:
        yield None
        return
    need("redact", "redact")
    key = _run_key(run, settings.cipher, now)
    redactor = Redactor(settings.kinds, key, settings.region, settings.countries)
    with ExitStack() as stack:
        keep: Callable[[Sequence[Pair]], None] = _forget
        if settings.mapping and settings.cipher is not None:
            keep = stack.enter_context(_mapping_writer(run, part, settings.cipher))
        yield Redaction(redactor, keep)


def _run_key(run: RunFolder, cipher: Cipher | None, now: str) -> bytes:
    """The key of *run*: the one on record, or a new one; of several writers, one wins."""
    path = run.file("redaction.json")
    record = read_record(path, RedactionRecord)
    if record is None:
        write_new_record(path, _new_key(cipher, now))
        record = read_record(path, RedactionRecord)
    if record is None:
        raise StateError(f"{path} was written, but is missing.")
    if not record.sealed:
        return base64.b64decode(record.key)
    if cipher is None:
        raise StateError(
            f"{path} is encrypted, and no Fernet key is configured here. Configure the key that encrypted it."
        )
    return cipher.unseal(record.key.encode())


def _new_key(cipher: Cipher | None, now: str) -> RedactionRecord:
    key = secrets.token_bytes(32)
    kept = cipher.seal(key) if cipher else base64.b64encode(key)
    return RedactionRecord(key=kept.decode(), sealed=cipher is not None, at=now)


def _forget(pairs: Sequence[Pair]) -> None:
    """Keep nothing of *pairs*."""


@contextmanager
def _mapping_writer(run: RunFolder, part: int, cipher: Cipher) -> Iterator[Callable[[Sequence[Pair]], None]]:
    pending: list[Pair] = []

    def keep(pairs: Sequence[Pair]) -> None:
        pending.extend(seen.new(pairs))
        while len(pending) >= _LINE_PAIRS:
            _write_line(stream, cipher, pending[:_LINE_PAIRS])
            del pending[:_LINE_PAIRS]

    with Seen.open() as seen, atomic_output(run.file("mapping") / f"part-{part:05d}.enc") as stream:
        yield keep
        _write_line(stream, cipher, pending)


def _write_line(stream: IO[bytes], cipher: Cipher, pairs: Sequence[Pair]) -> None:
    stream.write(cipher.seal(msgspec.json.encode(pairs)) + b"\n")


def read_mapping(run: RunFolder, cipher: Cipher) -> Iterator[list[Pair]]:
    """What the tokens of *run* stand for, each once, up to 10,000 at a time.

    Raises StateError where no mapping was kept, or *cipher* cannot open it.
    """
    names = [name for name in list_names(run.file("mapping")) if name.endswith(".enc")]
    if not names:
        raise StateError(f"{run} has no mapping: it was scanned without redaction_mapping=True.")
    with Seen.open() as seen:
        for name in names:
            with (run.file("mapping") / name).open("rb") as stream:
                for line in stream:
                    yield seen.new(msgspec.json.decode(cipher.unseal(line.rstrip(b"\n")), type=list[Pair]))


class Seen:
    """The tokens there were so far, on a temporary SQLite file."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8192;"
            "CREATE TABLE tokens (token TEXT PRIMARY KEY) WITHOUT ROWID; BEGIN;"
        )

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Seen]:
        with tempfile.TemporaryDirectory(prefix="claude-redact-") as folder:
            database = sqlite3.connect(Path(folder) / "tokens.sqlite", isolation_level=None)
            try:
                yield cls(database)
            finally:
                database.close()

    def new(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Those of *pairs* whose tokens were not there before; now they are."""
        known = self._known([pair.token for pair in pairs])
        fresh = list({pair.token: pair for pair in pairs if pair.token not in known}.values())
        self._database.executemany("INSERT INTO tokens VALUES (?)", [(pair.token,) for pair in fresh])
        return fresh

    def _known(self, tokens: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for some in batched(tokens, _QUERY_TOKENS):
            marks = ",".join("?" * len(some))
            query = f"SELECT token FROM tokens WHERE token IN ({marks})"  # noqa: S608 - ours
            found.update(token for (token,) in self._database.execute(query, some))
        return found
