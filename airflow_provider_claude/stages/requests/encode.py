"""The requests of an attempt are encoded, once, into its body and its manifest."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.requests.attempt_selection import Ask
from airflow_provider_claude.stages.requests.draft import Draft, Encoders, asked_rows
from airflow_provider_claude.stages.requests.pack_items import Packs
from airflow_provider_claude.stages.requests.request_body import SpooledBody
from airflow_provider_claude.store import PlanRecord, RunFolder, ShardSpec
from airflow_provider_claude.store.items import read_items


@contextmanager
def spool(run: RunFolder, plan: PlanRecord, spec: ShardSpec, ask: Ask) -> Iterator[SpooledBody]:
    """The encoded body of what *ask* asks of *spec*. Raises StateError where the items are no longer those of the plan."""
    with tempfile.TemporaryFile() as stream:
        encoder = Encoders(plan)
        draft = (Packs if ask.pack > 1 else Draft)(run, plan, spec, ask, stream, encoder)
        plain = _encode(run, spec, ask, encoder, draft)
        fingerprint = plan.packing.fingerprint(plain) if spec.pack > 1 and plan.packing else plain
        if fingerprint != spec.fingerprint:
            raise StateError(
                f"The items of shard {spec.shard} are no longer the ones that were planned. Nothing was sent; clear "
                "the plan task, so that it plans what is there now."
            )
        yield SpooledBody(stream, draft.manifest(), draft.sizes, draft.totals)


def _encode(run: RunFolder, spec: ShardSpec, ask: Ask, encoder: Encoders, draft: Draft) -> str:
    """Write the body to *draft*. Returns the fingerprint of all items there are now, each with a request of its own."""
    seen = hashlib.sha256()
    for rows in read_items(run, run.need_scan(), spec.start, spec.stop, draft.columns):
        batch, params = rows, list(encoder.of_batch(rows))
        hashes = [hashlib.sha256(one).digest() for one in params]
        seen.update(b"".join(hashes))
        if not ask.whole:
            batch, params, hashes = asked_rows(rows, params, hashes, ask, encoder)
        draft.add(batch, params, hashes, encoder.limits(batch, ask))
    draft.close()
    return seen.hexdigest()
