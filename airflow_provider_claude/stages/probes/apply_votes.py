"""Puts the answers that won a vote into the answers of a run, and notes every vote in the column `claude_votes`.

The files are the same however often this is done: a row that has a vote is left as it is, and what is loaded again has none.
What a row has cost, and which request it is of, stays that of its first answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array, number_array, numbers_of
from airflow_provider_claude.core.consistency.vote import Ballot, Voted
from airflow_provider_claude.core.tables import VOTES
from airflow_provider_claude.errors import ClaudeError
from airflow_provider_claude.stages.load.run import calibrated_of
from airflow_provider_claude.stages.probes.count_votes import vote_probes, vote_record, votes_of
from airflow_provider_claude.stages.probes.measure_again import AGAIN
from airflow_provider_claude.stages.probes.read_answers import probe_named
from airflow_provider_claude.store import PlanRecord, RunFolder
from airflow_provider_claude.store.parquet_files import parquet_writer, read_batches, read_schema, read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from upath import UPath

_ROWS = 32_768

#: What comes with an answer, beside its own fields, and what names it.
_FLAGS, _MESSAGE = "claude_flags", "claude_message_id"


def apply_votes(run: RunFolder, plan: PlanRecord) -> Voted | None:
    """Let the votes of *run* count; what they have done, None where *plan* asks for none.

    A probe that cannot be read is named there: it never fails its run.
    """
    if not plan.has_votes:
        return None
    try:
        votes = votes_of(run, plan)
        change = _Change(run, plan, votes.ballots()) if votes and votes.third else None
    except (ClaudeError, pa.ArrowException) as error:
        return Voted(differing=0, why_not=f"the second or third answers could not be read: {error}")
    if votes is None:
        return Voted(differing=0, why_not="no row was asked a second time")
    record = vote_record(run, plan)
    if change:
        for part in run.parts("answers"):
            change.rewrite(part)
    return votes.result(record.why_not if record else "the task that asks them a third time has not ended")


class _Change:
    """The answers of *run* by the votes *ballots*, by item."""

    def __init__(self, run: RunFolder, plan: PlanRecord, ballots: Mapping[str, Ballot]) -> None:
        self._plan, self._ballots = plan, ballots
        self._items = array(list(ballots), pa.string())
        self._own = [*plan.job.properties, _FLAGS]
        self._pool = _pool(run, plan, self._own)
        keys = zip(*(self._pool[name].to_pylist() for name in ("item_id", _MESSAGE)), strict=True)
        self._places = {key: place for place, key in enumerate(keys)}

    def rewrite(self, part: UPath) -> None:
        """Put what won into *part*, where it has rows with a vote that is not noted yet."""
        keys = ["item_id", "duplicate_of", VOTES.name]
        if not any(len(self._open(pa.table(batch))) for batch in read_batches(part, _ROWS, keys)):
            return
        schema = read_schema(part)
        with parquet_writer(part, schema) as writer:
            for batch in read_batches(part, _ROWS):
                writer.write_table(self._changed(pa.table(batch)).cast(schema))

    def _open(self, table: pa.Table) -> NDArray[np.int64]:
        """The places of the rows of *table* with a vote that is not noted. Duplicates have the vote of their item."""
        mine = pc.and_(pc.is_in(_item(table), value_set=self._items), pc.is_null(table[VOTES.name]))
        return numbers_of(pa.chunked_array([pc.indices_nonzero(mine)])).astype("i8")

    def _changed(self, table: pa.Table) -> pa.Table:
        rows = self._open(table)
        old = table.take(number_array(rows, pa.int64()))
        ballots = [(item, self._ballots[item]) for item in _item(old).to_pylist()]
        own = self._won(old, ballots)
        notes = array([msgspec.json.encode(one).decode() for _, one in ballots], pa.string())
        new = {**{name: old[name] for name in old.column_names}, **own, VOTES.name: notes}
        order = np.arange(len(table))
        order[rows] = len(table) + np.arange(len(rows))
        return pa.concat_tables([table, pa.table(new, schema=table.schema)]).take(number_array(order, pa.int64()))

    def _won(self, old: pa.Table, ballots: Sequence[tuple[str, Ballot]]) -> dict[str, Any]:
        """The fields of the answers that count for the rows *old*, with what comes with them."""
        both = pa.concat_tables(
            [old.select(self._own), self._pool.select(self._own).cast(old.select(self._own).schema)]
        )
        places = [
            place if one.published == 1 else len(old) + self._places[item, one.messages[one.published - 1]]
            for place, (item, one) in enumerate(ballots)
        ]
        found = both.take(number_array(places, pa.int64())).combine_chunks()
        own = {name: found[name] for name in self._own}
        calibrated = calibrated_of(self._plan)
        return {**own, **(calibrated.column(own) if calibrated else {})}


def _pool(run: RunFolder, plan: PlanRecord, own: Sequence[str]) -> pa.Table:
    """The second and third answers of *run*, with their items, messages and the fields *own*."""
    again = probe_named(run, plan, AGAIN)
    probes = [*([again] if again else []), *vote_probes(run)]
    parts = [part for probe in probes for part in probe.parts("answers")]
    return pa.concat_tables([read_table(part, ["item_id", _MESSAGE, *own]) for part in parts])


def _item(table: pa.Table) -> pa.ChunkedArray:
    """The item that each row of *table* is, or repeats."""
    return pc.coalesce(table["duplicate_of"], table["item_id"])
