"""A probe: a run folder of its own inside that of its run, so that all stages work on its shards as on any.

    <run folder>/probes/<name>/scan.json  plan.json  items/  shards/  answers/

Nothing of it mixes with the run: its rows are in no ledger and no table, and its answers are reused by no run. It is asked
once, by batch only. Where the budget does not cover a shard of it, that is not sent; at its cutoff its batches are cancelled,
and rows without an answer have none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import msgspec
import pendulum
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import number_array
from airflow_provider_claude.core.cost.estimate import Estimate, estimate
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.packing.weigh_packs import PackWeights
from airflow_provider_claude.core.plan.cache_plan import NO_CACHE, CachePlan
from airflow_provider_claude.core.probes.asking import Asking
from airflow_provider_claude.core.requests.request_bytes import ENTRY_BYTES, ENVELOPE_BYTES, RequestEncoder
from airflow_provider_claude.store import PlanRecord, RunFolder, ShardSpec, write_record
from airflow_provider_claude.store.items import read_items
from airflow_provider_claude.store.parquet_files import read_schema, write_table

#: How far a probe is below its run: its own folder, and the one that holds all.
_DEPTH = 2

#: So much of the hash of what it asks is in the name of a probe.
_NAME_CHARS = 8


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a probe asks beside *run*: *askings* have the same *items*, a table as the run's own, see `items_at`.

    *plan* is the run's own, or one that differs in what is asked. *packing* says how items share requests, *cache* how long
    what they have in common is cached, *tokens* is what a request uses.
    """

    run: RunFolder
    plan: PlanRecord
    items: pa.Table
    askings: Sequence[Asking]
    packing: Packing | None
    tokens: TokenModel
    cache: CachePlan = NO_CACHE

    def weighed(self) -> Weighed:
        """The probe, as it would be asked. Resident are its items, once, and once more in the order of an asking."""
        shards = [self._shard(number, asking) for number, asking in enumerate(self.askings, start=1)]
        return Weighed(draft=self, specs=[spec for spec, _ in shards], sums=[sums for _, sums in shards])

    def _shard(self, number: int, asking: Asking) -> tuple[ShardSpec, Estimate]:
        packing = _packing_of(asking, self.packing)
        encoder = RequestEncoder(self.plan.job)
        packs = PackWeights(packing, self.plan.job) if packing else None
        seen, size, rows, in_results = hashlib.sha256(), ENVELOPE_BYTES, len(asking.order), 0
        for batch in _in_order(self.items, asking).to_batches():
            contents = list(encoder.of_batch(batch))
            in_results += sum(encoder.frames[one.placement].in_result for one in contents)
            seen.update(b"".join(map(encoder.digest, contents)))
            size += sum(map(encoder.row_bytes, contents))
            if packs:
                packs.add(batch, contents)
        alone = size - ENVELOPE_BYTES - rows * ENTRY_BYTES
        sums = estimate(rows, alone, self.tokens, self.plan.price, in_results=in_results)
        if packs:
            packs.close()
            sums = packs.estimate(1.0, sums, self.tokens, self.plan.price)
        plain = seen.hexdigest()
        spec = ShardSpec(
            number=number,
            start=(number - 1) * rows,
            stop=number * rows,
            bytes=size + (rows * packs.more_bytes if packs else 0),
            fingerprint=packing.fingerprint(plain) if packing else plain,
            pack=asking.pack,
        )
        return spec, sums


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A probe that is not written yet: of each asking the shard, and what it is expected to use."""

    draft: Draft
    specs: Sequence[ShardSpec]
    sums: Sequence[Estimate]

    @property
    def shards(self) -> Iterator[tuple[ShardSpec, Estimate]]:
        """Each shard, and what it is expected to use."""
        return zip(self.specs, self.sums, strict=True)

    @property
    def rows(self) -> int:
        """How many items it asks about."""
        return len(self.draft.items)

    @property
    def requests(self) -> int:
        return sum(one.requests for one in self.sums)

    @property
    def usd(self) -> Decimal:
        """What it is expected to cost, by batch."""
        return sum((one.cost["batch"] for one in self.sums), Decimal(0))

    def folder(self, name: str) -> str:
        """The name of the probe's folder: *name* and a hash of what it asks."""
        content = hashlib.sha256("".join(spec.fingerprint for spec in self.specs).encode()).hexdigest()
        return f"{name}-{content[:_NAME_CHARS]}"

    def write(self, name: str, due: float | None) -> RunFolder:
        """Write the probe's run folder, *name* and a hash of what it asks; its batches are cancelled at *due* (epoch seconds).

        The same content has the same folder: what it is paid for is found again.
        """
        run, plan = self.draft.run, self.draft.plan
        probe = run.probe(self.folder(name))
        items, rows = self.draft.items, self.rows
        for number, asking in enumerate(self.draft.askings):
            write_table(probe.part("items", number), _numbered(_in_order(items, asking), number * rows))
        scan = run.need_scan()
        count = rows * len(self.specs)
        write_record(
            probe.file("scan.json"),
            msgspec.structs.replace(
                scan, rows=count, items=count, quarantined=0, duplicates=0, lost=0, uncounted=0, suspects=0, changed=0,
                near_duplicates=0, unreadable_files=0, unreadable=[], by_reason={}, flagged={}, redacted={},
                examples=[], part_rows=rows,
            ),
        )  # fmt: skip
        write_record(probe.file("plan.json"), self._plan(plan, due))
        return probe

    def _plan(self, plan: PlanRecord, due: float | None) -> PlanRecord:
        """The plan of the probe: that of its run, without what only answers of a run have."""
        lanes = msgspec.structs.replace(
            plan.lanes,
            lane="batch",
            reason="a probe goes by batch only",
            sync_rows=0,
            row_seconds=0.0,
            safe_deadline=None if due is None else pendulum.from_timestamp(due).isoformat(),
            refused_batches="sync",
            stuck="answer",
        )
        return msgspec.structs.replace(
            plan,
            shards=list(self.specs),
            estimate=_together(self.sums).planned(),
            explanation=[],
            work=plan.work + _DEPTH,
            reuse_days=0.0,
            lanes=lanes,
            packing=self.draft.packing,
            cache=self.draft.cache,
            priority=None,
            destination=None,
            warnings=[],
            probes=[],
            probes_usd="0",
            left_out={},
            consistency=None,
            change=None,
        )


def items_at(run: RunFolder, ordinals: Sequence[int]) -> pa.Table:
    """The items of *run* with *ordinals*, whole, in the order of the run."""
    scan, wanted = run.need_scan(), number_array(sorted(ordinals), pa.int64())
    columns = read_schema(run.part("items", 0)).names
    return pa.Table.from_batches(_found(read_items(run, scan, 0, scan.items, columns), wanted)).combine_chunks()


def _found(batches: Iterator[pa.RecordBatch], wanted: pa.Array) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.filter(pc.is_in(batch["ordinal"], wanted))


def _in_order(items: pa.Table, asking: Asking) -> pa.Table:
    return items.take(
        pc.index_in(number_array(asking.order, pa.int64()), items["ordinal"].combine_chunks())
    ).combine_chunks()


def _numbered(items: pa.Table, start: int) -> pa.Table:
    """*items* with ordinals from *start* on."""
    place = items.schema.get_field_index("ordinal")
    return items.set_column(
        place, items.schema.field(place), number_array(range(start, start + len(items)), pa.int64())
    )


def _packing_of(asking: Asking, packing: Packing | None) -> Packing | None:
    return None if packing is None or asking.pack == 1 else replace(packing, items=asking.pack)


def _together(sums: Sequence[Estimate]) -> Estimate:
    return Estimate(
        items=sum(one.items for one in sums),
        requests=sum(one.requests for one in sums),
        input_tokens=sum(one.input_tokens for one in sums),
        output_tokens=sum(one.output_tokens for one in sums),
        measured=all(one.measured for one in sums),
        cost={lane: sum((one.cost[lane] for one in sums), Decimal(0)) for lane in ("batch", "sync")},
    )
