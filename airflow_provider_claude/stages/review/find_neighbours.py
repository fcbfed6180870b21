"""Finds the rows of a run that say nearly the same and were answered differently, in a few passes over its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import number_array
from airflow_provider_claude.core.consistency.comparable import comparable, label
from airflow_provider_claude.core.consistency.neighbours import (
    MOST_PAIRS,
    SIMILAR,
    Candidates,
    Neighbour,
    Neighbours,
    answered_differently,
    sentence_keys,
)
from airflow_provider_claude.core.scan.excerpt import excerpt
from airflow_provider_claude.core.scan.near_duplicates import Signature, signatures
from airflow_provider_claude.errors import ClaudeError
from airflow_provider_claude.extras import OF_REPORT, not_installed
from airflow_provider_claude.job.template import columns_of, parse_prompt
from airflow_provider_claude.stages.probes.read_answers import answers_in
from airflow_provider_claude.store import PlanRecord, RunFolder
from airflow_provider_claude.store.items import read_items

_EXCERPT_CHARS = 80

#: How much a report looks at: at most a second of CPU with imports. And how many pairs report.json lists.
_REPORTED_ROWS, _REPORTED_PAIRS, _LISTED = 20_000, 200, 20


class _Known(NamedTuple):
    """What is kept of a row whose text was read."""

    signature: Signature | None
    excerpt: str


def neighbours_for_report(run: RunFolder, plan: PlanRecord) -> Neighbours | None:
    """The neighbours for the report of *run*, where *plan* asks how consistent it is. What cannot be read is said there: it never
    fails its run.
    """
    if plan.consistency is None:
        return None
    try:
        found = find_neighbours(run, plan, rows=_REPORTED_ROWS, pairs=_REPORTED_PAIRS)
    except (ClaudeError, pa.ArrowException) as error:
        return Neighbours(why_not=str(error))
    return msgspec.structs.replace(found, found=found.found[:_LISTED])


def find_neighbours(
    run: RunFolder, plan: PlanRecord, *, rows: int | None = None, pairs: int = MOST_PAIRS
) -> Neighbours:
    """The neighbours with different labels or booleans among the first *rows* items of *run*, or all; at most *pairs* pairs are
    compared. Resident are a few numbers a row, and no text.
    """
    items = run.need_scan().items
    looked = items if rows is None else min(rows, items)
    fields = [name for name, field in comparable(plan.job.answer_schema).items() if not field.numbers]
    if not fields:
        return Neighbours(why_not="the output has no field of labels")
    if absent := not_installed("near", OF_REPORT):
        return Neighbours(why_not=absent)
    groups = _groups(run, plan, looked)
    names = _names(run, {row for group in groups for row in group})
    said = answers_in(run.parts("answers"), fields, list(names.values()))
    answers = {row: said[name] for row, name in names.items() if name in said}
    candidates = answered_differently(groups, answers, pairs)
    known = _known(run, plan, {row for pair in candidates for row in pair})
    found = [
        _neighbour(pair, (names[pair[0]], names[pair[1]]), answers, known[pair[0]].excerpt, similar)
        for pair, similar in _similar(candidates, known)
    ]
    return Neighbours(rows=looked, of=items, differ=len(found), more=len(candidates) == pairs, found=found)


def text_columns(plan: PlanRecord) -> list[str]:
    """The columns of the prompt of *plan*."""
    return list(columns_of(parse_prompt(plan.job.prompt)))


def _groups(run: RunFolder, plan: PlanRecord, rows: int) -> list[list[int]]:
    candidates = Candidates()
    for batch, texts in _texts(run, plan, rows):
        candidates.add(np.from_dlpack(batch.column("ordinal")).astype(np.int64, copy=False), sentence_keys(texts))
    return candidates.groups()


def _texts(
    run: RunFolder, plan: PlanRecord, rows: int, wanted: pa.Array | None = None
) -> Iterator[tuple[pa.RecordBatch, list[str]]]:
    """The first *rows* items of *run*, of these those with *wanted* ordinals or all, each with its texts as one."""
    columns = text_columns(plan)
    for batch in read_items(run, run.need_scan(), 0, rows, ["ordinal", *columns]):
        chosen = batch if wanted is None else batch.filter(pc.is_in(batch["ordinal"], wanted))
        parts = zip(*(chosen[name].to_pylist() for name in columns), strict=True)
        yield chosen, ["\n\n".join(filter(None, part)) for part in parts]


def _names(run: RunFolder, ordinals: set[int]) -> dict[int, str]:
    """The ids of the items with *ordinals*."""
    wanted = number_array(sorted(ordinals), pa.int64())
    names: dict[int, str] = {}
    for batch in read_items(run, run.need_scan(), 0, max(ordinals, default=-1) + 1, ["ordinal", "item_id"]):
        chosen = batch.filter(pc.is_in(batch["ordinal"], wanted))
        names.update(zip(chosen["ordinal"].to_pylist(), chosen["item_id"].to_pylist(), strict=True))
    return names


def _known(run: RunFolder, plan: PlanRecord, ordinals: set[int]) -> dict[int, _Known]:
    known: dict[int, _Known] = {}
    for batch, texts in _texts(run, plan, max(ordinals, default=-1) + 1, number_array(sorted(ordinals), pa.int64())):
        for row, text, signature in zip(batch["ordinal"].to_pylist(), texts, signatures(texts), strict=True):
            known[row] = _Known(signature, excerpt([text], _EXCERPT_CHARS))
    return known


def _similar(pairs: Sequence[tuple[int, int]], known: Mapping[int, _Known]) -> Iterator[tuple[tuple[int, int], float]]:
    for pair in pairs:
        first, second = (known[row].signature for row in pair)
        similar = first.similarity(second.values) if first and second else 0.0
        if similar >= SIMILAR:
            yield pair, similar


def _neighbour(
    pair: tuple[int, int],
    names: tuple[str, str],
    answers: Mapping[int, Mapping[str, Any]],
    shown: str,
    similar: float,
) -> Neighbour:
    first, second = (answers[row] for row in pair)
    field = next(name for name, value in first.items() if value != second[name])
    return Neighbour(
        item_id=names[0],
        other_id=names[1],
        similar=similar,
        field=field,
        answer=label(first[field]),
        other_answer=label(second[field]),
        excerpt=shown,
    )
