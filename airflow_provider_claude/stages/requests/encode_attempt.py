"""The requests of an attempt are encoded, once, into its body and its manifest."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.draft import Draft, Encoders, asked_rows
from airflow_provider_claude.stages.requests.pack_items import Packs
from airflow_provider_claude.stages.requests.request_body import RequestBody
from airflow_provider_claude.stages.requests.spool import Spool
from airflow_provider_claude.store.planned_shard import PlannedShard, items_of

#: Bytes that are read and written together. The sync lane reads requests in any order.
_BUFFER = 1 << 16


@contextmanager
def encode_body(shard: PlannedShard, selection: AttemptSelection) -> Iterator[RequestBody]:
    """The encoded body of what *selection* asks of *shard*. Raises StateError where the items are no longer those of the plan."""
    with tempfile.TemporaryFile(buffering=_BUFFER) as stream:
        encoder, packing = Encoders(shard, selection.cache), shard.packing
        spool = Spool(stream, selection.fingerprint(shard))
        draft = (Packs if selection.pack > 1 else Draft)(shard, selection, spool, encoder)
        plain = _encode(shard, selection, encoder, draft)
        fingerprint = packing.fingerprint(plain) if packing else plain
        if fingerprint != shard.fingerprint:
            raise StateError(
                f"The items of shard {shard.number} are no longer those of the plan. Nothing was sent. Clear "
                "the plan task to plan the current items."
            )
        yield RequestBody(spool, draft.manifest(), cache=selection.cache)


def _encode(shard: PlannedShard, selection: AttemptSelection, encoder: Encoders, draft: Draft) -> str:
    """Write the body to *draft*. Returns the fingerprint of all items there are now, each with a request of its own."""
    seen = hashlib.sha256()
    for rows in items_of(shard, draft.columns):
        batch, contents = rows, list(encoder.of_batch(rows))
        hashes = encoder.hashes(contents)
        seen.update(b"".join(hashes))
        if not selection.whole:
            batch, contents, hashes = asked_rows(rows, contents, hashes, selection, encoder)
        draft.add(batch, contents, hashes, encoder.limits(batch, selection))
    draft.close()
    return seen.hexdigest()
