"""All kinds of cases, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.chaos import content, disk, kills, leftovers, network, orphans, races
from tests.chaos.bench import Bench
from tests.chaos.results import Result

KINDS: dict[str, Callable[[Bench], Iterator[Result]]] = {
    "kill": kills.each_point,
    "kills in a row": kills.in_a_row,
    "two orphans": orphans.orphans,
    "race": races.both,
    "zombie": races.zombies,
    "content": content.changes,
    "leftovers": leftovers.misbehaving,
    "network": network.faults,
    "API restarted": network.restarted,
    "API hangs": network.silent,
    "disk full": disk.full,
    "store error": disk.failing,
}
