"""How urgent the items of a shard are, and in which order the sync lane asks their requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from airflow_provider_claude.core.sync.priority import urgent_first
from airflow_provider_claude.store.items import read_items

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from airflow_provider_claude.stages.requests.request_body import RequestBody
    from airflow_provider_claude.store import PlanRecord, RunFolder, ShardSpec


class Turns(NamedTuple):
    """The *order* of the requests of an attempt, by their places; *urgent* says of each place whether it may not wait."""

    order: NDArray[np.int64]
    urgent: NDArray[np.bool_]


def turns(run: RunFolder, plan: PlanRecord, spec: ShardSpec, body: RequestBody) -> Turns:
    """In which order *body* is asked: as it stands, unless items have priorities. A pack has that of its most urgent item."""
    if plan.priority is None or not body.count:
        return Turns(np.arange(body.count), np.zeros(body.count, dtype=bool))
    highest = body.highest(_priorities(run, plan, spec))
    return Turns(urgent_first(highest), highest >= plan.priority.urgent)


def urgent_items(run: RunFolder, plan: PlanRecord, spec: ShardSpec) -> frozenset[int]:
    """The ordinals of the items of *spec* that do not wait where others go back to a batch."""
    if plan.priority is None:
        return frozenset()
    places = np.flatnonzero(_priorities(run, plan, spec) >= plan.priority.urgent)
    return frozenset((places + spec.start).tolist())


def _priorities(run: RunFolder, plan: PlanRecord, spec: ShardSpec) -> NDArray[Any]:
    """The priority of each item of *spec*."""
    if plan.priority is None:
        return np.zeros(spec.rows)
    batches = read_items(run, run.need_scan(), spec.start, spec.stop, [plan.priority.column])
    return np.concatenate([plan.priority.of(batch.column(0)) for batch in batches])
