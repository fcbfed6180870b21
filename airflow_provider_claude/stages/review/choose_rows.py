"""Which rows of a run people should look at, and why."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

from airflow_provider_claude.core.consistency.comparable import comparable, label
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.probes.measure_again import AGAIN
from airflow_provider_claude.stages.probes.read_answers import answers_in, probe_named
from airflow_provider_claude.stages.review.find_neighbours import find_neighbours
from airflow_provider_claude.store import PlanRecord, RunFolder
from airflow_provider_claude.store.items import read_items

#: The share of the items that is drawn, and the most rows.
RANDOM_SHARE, MOST_RANDOM = 0.05, 500

#: Reasons of each kind that are listed at most.
_MOST = 2_000


def chosen(run: RunFolder, plan: PlanRecord) -> tuple[dict[str, list[str]], list[str]]:
    """The reasons for each item that should be looked at, by its id; and sentences about what could not be looked up.

    Memory is bounded: at most some thousand ids.
    """
    reasons: dict[str, list[str]] = {}
    neighbours = find_neighbours(run, plan)
    notes = [neighbours.sentence()] if neighbours.why_not else []
    for name, why in _asked_again(run, plan):
        reasons.setdefault(name, []).append(why)
    for one in neighbours.found[:_MOST]:
        for name, other, answer in (
            (one.item_id, one.other_id, one.other_answer),
            (one.other_id, one.item_id, one.answer),
        ):
            reasons.setdefault(name, []).append(f"says nearly the same as {other}, whose {one.field} is {answer}")
    for name in _drawn(run, plan):
        reasons.setdefault(name, ["drawn by chance"])
    return reasons, notes


def _asked_again(run: RunFolder, plan: PlanRecord) -> Iterator[tuple[str, str]]:
    """The items whose second answer is not the first one."""
    fields = comparable(plan.job.answer_schema)
    probe = probe_named(run, plan, AGAIN)  # others are of an earlier plan, which may have asked something else
    if probe is None:
        return
    second = answers_in(probe.parts("answers"), list(fields))
    first = answers_in(run.parts("answers"), list(fields), list(second))
    differing = (
        (item, f"asked again, {field} was {label(second[item][field])}")
        for item in sorted(first)
        for field, kind in fields.items()
        if not kind.same(first[item][field], second[item][field])
    )
    yield from islice(differing, _MOST)


def _drawn(run: RunFolder, plan: PlanRecord) -> Iterator[str]:
    """The ids of items drawn by chance: the same ones each time."""
    scan = run.need_scan()
    count = min(max(round(RANDOM_SHARE * scan.items), 1), MOST_RANDOM, scan.items)
    rng = random.Random(f"review {plan.job_hash} {scan.finished_at}")  # noqa: S311 - no secret
    wanted = sorted(rng.sample(range(scan.items), count))
    for batch in read_items(run, scan, 0, scan.items, ["ordinal", "item_id"]):
        first = batch["ordinal"][0].as_py()
        while wanted and wanted[0] < first + batch.num_rows:
            yield batch["item_id"][wanted.pop(0) - first].as_py()


def need_answers(run: RunFolder) -> None:
    """Raise StateError where *run* has no answers yet."""
    if not run.parts("answers"):
        raise StateError(f"{run} has no answers yet: review it after its load.")
