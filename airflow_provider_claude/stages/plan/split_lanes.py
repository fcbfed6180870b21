"""The shards of a run, divided between the lanes: cut where the sync lane's rows end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.plan.cut_shards import MAX_SHARDS, TRIAL_SHARD, Cut, Limits, cut
from airflow_provider_claude.core.plan.lane_split import items_up_to, lane_split
from airflow_provider_claude.core.requests.request_bytes import ENVELOPE_BYTES
from airflow_provider_claude.stages.requests.reuse import Known
from airflow_provider_claude.store import RunFolder, ShardSpec, remove
from airflow_provider_claude.store.attempts import history
from airflow_provider_claude.store.parquet_files import write_table

#: Bytes on the wire and request hash of the items from one ordinal to another.
Weighed = Callable[[int, int], Iterator[tuple[int, bytes]]]


class Sharing:
    """The shards of a run, divided between the lanes."""

    def __init__(self, run: RunFolder, known: Known, limits: Limits, weighed: Weighed) -> None:
        self._run, self._known, self._limits, self._weighed = run, known, limits, weighed

    def in_lanes(self, shards: list[ShardSpec], sync_rows: int, pack: Packing | None) -> list[ShardSpec]:
        """*shards*, the first of them in the sync lane: *sync_rows* items that are to be asked. Where these end within a
        shard it is cut there; the rest of it becomes the last shard, so that all others keep their numbers.
        """
        open_ = [spec for spec in shards if spec.number != TRIAL_SHARD and spec.rows > spec.reused]
        whole, rows = lane_split([spec.rows - spec.reused for spec in open_], sync_rows)
        head = self._head(open_[whole], rows, shards) if rows else 0
        if head:
            shards = self._cut(shards, open_[whole], head, pack)
        sync = {TRIAL_SHARD, *(spec.number for spec in open_[: whole + bool(head)])}
        return [msgspec.structs.replace(one, lane="sync" if one.number in sync else "batch") for one in shards]

    def _head(self, spec: ShardSpec, rows: int, shards: Sequence[ShardSpec]) -> int:
        """How many items of *spec* the sync lane gets, so that it asks *rows* of them; 0 to leave it whole, because a batch
        for it is in progress. A batch's size identifies it: if the rest had the size of another shard, it gets a few fewer.
        """
        if any(
            one.in_flight and one.shard_fingerprint == spec.fingerprint for one in history(self._run.shard(spec.number))
        ):
            return 0
        head = items_up_to(~self._known.mask[spec.start : spec.stop], rows)
        others = {one.rows for one in shards if one.number != spec.number}
        while head and spec.rows - head in others:
            head -= 1
        return head if len(shards) < MAX_SHARDS else 0

    def _cut(self, shards: Sequence[ShardSpec], spec: ShardSpec, head: int, pack: Packing | None) -> list[ShardSpec]:
        numbers = (spec.number, shards[-1].number + 1)
        pieces = cut(
            self._weighed(spec.start, spec.stop),
            self._limits,
            caps=[head],
            start=spec.start,
            envelope=ENVELOPE_BYTES,
        )
        first, rest = (
            with_reused(self._run, spec_of(number, piece, pack), self._known)
            for number, piece in zip(numbers, pieces, strict=True)
        )
        return [*(first if one.number == spec.number else one for one in shards), rest]


def spec_of(number: int, piece: Cut, pack: Packing | None) -> ShardSpec:
    """Shard *number* as it was cut."""
    return ShardSpec(
        number=number,
        start=piece.start,
        stop=piece.stop,
        bytes=piece.bytes,
        fingerprint=pack.fingerprint(piece.fingerprint) if pack else piece.fingerprint,
        pack=pack.items if pack else 1,
    )


def with_reused(run: RunFolder, spec: ShardSpec, known: Known) -> ShardSpec:
    """*spec*, with where its items that are *known* have their answers on record."""
    found, path = known.found(spec.start, spec.stop), run.part("reused", spec.number)
    remove(path)
    if len(found):
        write_table(path, found)
    return msgspec.structs.replace(spec, reused=len(found))
