"""How urgent the items of a shard are, and in which order the sync lane asks their requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from airflow_provider_claude.core.sync.priority import Priority, urgent_first
from airflow_provider_claude.store.planned_shard import PlannedShard, items_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from airflow_provider_claude.stages.requests.request_body import RequestBody


class Turns(NamedTuple):
    """The *order* of the requests of an attempt, by their positions; *urgent* says for each position whether it must not wait."""

    order: NDArray[np.int64]
    urgent: NDArray[np.bool_]


def turns(shard: PlannedShard, body: RequestBody) -> Turns:
    """In which order *body* is asked: as it stands, unless items have priorities. A pack has that of its most urgent item."""
    priority = shard.plan.priority
    if priority is None or not body.count:
        return Turns(np.arange(body.count), np.zeros(body.count, dtype=bool))
    highest = body.highest(_priorities(shard, priority))
    return Turns(urgent_first(highest), highest >= priority.urgent)


def urgent_items(shard: PlannedShard) -> frozenset[int]:
    """The ordinals of the urgent items of *shard*, which stay in the lane where others go back to a batch."""
    priority = shard.plan.priority
    if priority is None:
        return frozenset()
    indexes = np.flatnonzero(_priorities(shard, priority) >= priority.urgent)
    return frozenset((indexes + shard.spec.start).tolist())


def _priorities(shard: PlannedShard, priority: Priority) -> NDArray[Any]:
    """The priority of each item of *shard*."""
    return np.concatenate([priority.of(batch.column(0)) for batch in items_of(shard, [priority.column])])
