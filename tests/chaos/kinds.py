"""All kinds of cases, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.chaos import (
    content,
    disk,
    hangs,
    kills,
    network,
    nights,
    orphans,
    races,
    refused,
    runs,
    sabotage,
    unresolved,
)
from tests.chaos.bench import Bench
from tests.chaos.courses import COURSES
from tests.chaos.results import Case

KINDS: dict[str, Callable[[Bench], Iterator[Case]]] = {
    "kill": kills.each_point,
    **{name: kills.each_course(course) for name, course in COURSES.items()},
    "kills in a row": kills.in_a_row,
    "two orphans": orphans.orphans,
    "race": races.both,
    "zombie": races.zombies,
    runs.KIND: runs.at_once,
    "content": content.changes,
    "unresolved": unresolved.misbehaving,
    "network": network.faults,
    "API restarted": network.restarted,
    "API hangs": network.silent,
    hangs.KIND: hangs.hanging,
    refused.KIND: refused.refused,
    "disk full": disk.full,
    "store error": disk.failing,
    "store error, objects": disk.failing_objects,
    "lost reply": disk.lost_replies,
    nights.KIND: nights.on_airflow,
    "sabotage": sabotage.sabotaged,
}
