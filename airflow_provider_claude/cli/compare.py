"""`compare`: what differs between two answers of the same rows, such as a day answered by two models."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.cli.screen import NOTHING, Screen, number, usd
from airflow_provider_claude.core.consistency.agreement import Differences, Interval, Pairs
from airflow_provider_claude.core.cost.estimate import per_thousand
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.extras import need
from airflow_provider_claude.store import RunFolder, exists

if TYPE_CHECKING:
    import pyarrow.dataset as ds
    from upath import UPath

DESCRIPTION = """Compares two answers of the same rows, joined on item_id: two runs of a day with different models, prompts or
schemas, or a run and the table that was published before it. For each field that both have: the share of rows with the same
answer and Cohen's kappa, both with 95 % intervals, and the changes that came most often; then what the rows cost in
each, and how long the answers were.

A is the first, such as the accepted one: "positive > neutral 12" are twelve rows that A called positive. Needs the
extra consistency."""

_KEY = "item_id"

#: What is in every table of answers beside `claude_…`, and is no field of the output.
_OURS = {_KEY, "duplicate_of"}
_COST, _OUTPUT, _MODEL = "claude_cost_usd", "claude_output_tokens", "claude_model"

#: A text field with more values than this has no labels: its answers are the same, or not.
_MOST_LABELS = 100

_FLIPS = 5

_HEAD = ("field", "rows", "same", "95 % interval", "kappa", "95 % interval ", "most frequent changes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="a run folder, or a partition of published answers")
    parser.add_argument("b", metavar="B", help="another one")
    parser.add_argument(
        "--fields", metavar="NAME", nargs="+", help="which (default: those of the job; else all in both)"
    )


@dataclass(frozen=True, kw_only=True)
class Side:
    """The answers of one side: their folder, and the fields of its job, empty where no plan says which they are."""

    folder: UPath
    fields: Sequence[str]

    @classmethod
    def at(cls, path: UPath) -> Side:
        """The answers of the run folder or the partition *path*. Raises StateError where there are none."""
        if exists(path / "scan.json"):
            run = RunFolder(path)
            plan = run.need_plan()
            path, fields = path / "answers", list(plan.job.answer_schema.get("properties", ()))
        else:
            fields = []
        if not path.is_dir():
            raise StateError(
                f"There are no answers at {path}: write a run folder, or a partition of published answers."
            )
        return cls(folder=path, fields=fields)

    def _answers(self) -> ds.Dataset:
        from airflow_provider_claude.sinks.union import open_answers  # with pyarrow.dataset, which imports pandas

        return open_answers(self.folder)

    def columns(self) -> list[str]:
        return list(self._answers().schema.names)

    def table(self, fields: Sequence[str], out: Screen) -> pa.Table:
        """*fields* with the key and what the answers used. *out* shows the progress."""
        table = self._read([_KEY, *fields, _COST, _OUTPUT, _MODEL], out)
        for index, field in enumerate(table.schema):
            if pa.types.is_nested(field.type):  # which Arrow does not carry through a join
                texts = pa.array([_label(value) for value in table[index].to_pylist()], pa.string())
                table = table.set_column(index, field.name, texts)
        return table

    def _read(self, columns: Sequence[str], out: Screen) -> pa.Table:
        answers = self._answers()
        scanner = answers.scanner(columns=list(columns))
        batches: list[pa.RecordBatch] = []
        with out.watch("answers read", answers.count_rows()) as seen:
            for batch in scanner.to_batches():
                batches.append(batch)
                seen(batch.num_rows)
        return pa.Table.from_batches(batches, scanner.projected_schema)


def show_comparison(a: UPath, b: UPath, out: Screen, *, fields: Sequence[str] | None = None) -> int:
    """Print how the answers at *b* differ from those at *a*. Returns the exit code: 1 where no row is in both."""
    need("consistency", "claude-batch compare")
    sides = Side.at(a), Side.at(b)
    chosen = _fields(sides, fields)
    first, second = (side.table(chosen, out) for side in sides)
    both = first.join(second, _KEY, join_type="inner", left_suffix=" a", right_suffix=" b")
    found = {name: compared(both, name) for name in chosen}
    out.document(_plain(both, found, first, second))
    out.line(
        f"{number(len(both))} rows are in both; {number(len(first) - len(both))} only in A, "
        f"{number(len(second) - len(both))} only in B."
    )
    if not len(both):
        return 1
    out.line()
    out.table(
        ("", "A", "B"), list(zip(*(_used(both, side) for side in ("", " a", " b")), strict=True)), right=("A", "B")
    )
    out.line()
    out.table(_HEAD, [_row(name, one) for name, one in found.items()], right=_HEAD[1:6])
    return 0


def _fields(sides: tuple[Side, Side], asked: Sequence[str] | None) -> list[str]:
    """The fields to compare. Raises StateError for one that a side does not have."""
    there = [side.columns() for side in sides]
    for side, columns in zip(sides, there, strict=True):
        for name in (_KEY, *(asked or ())):
            if name not in columns:
                raise StateError(f"The answers at {side.folder} have no column {name}.")
    if asked:
        return list(asked)
    known = sides[0].fields or sides[1].fields or there[0]
    return [
        n for n in known if all(n in columns for columns in there) and n not in _OURS and not n.startswith("claude_")
    ]


def compared(both: pa.Table, name: str) -> Pairs | Differences:
    """The two answers of the field *name* in *both*, row by row. Rows without an answer are a label of their own."""
    first, second = both[f"{name} a"].combine_chunks(), both[f"{name} b"].combine_chunks()
    if _is_number(first.type) and _is_number(second.type):
        found, there = Differences(), pc.and_(pc.is_valid(first), pc.is_valid(second))
        found.add(
            first.filter(there).to_numpy(zero_copy_only=False), second.filter(there).to_numpy(zero_copy_only=False)
        )
        return found
    texts = [list(map(_label, values.to_pylist())) for values in (first, second)]
    pairs = Pairs()
    if len(set(texts[0])) > _MOST_LABELS:
        pairs.add(("any", "any" if one == other else "another") for one, other in zip(*texts, strict=True))
    else:
        pairs.add(zip(*texts, strict=True))
    return pairs


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _label(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _row(name: str, found: Pairs | Differences) -> list[str]:
    if not found.rows:
        return [name, "0", *[NOTHING] * 5]
    agreement = found.agreement()
    head = [name, number(found.rows), f"{agreement.value:.2%}", f"{agreement.low:.2%} to {agreement.high:.2%}"]
    if isinstance(found, Differences):
        return [
            *head,
            NOTHING,
            NOTHING,
            f"B less A: {found.mean:+.4g} on average, {found.mean_absolute:.4g} without sign",
        ]
    flips = ", ".join(f"{a} > {b} {number(count)}" for a, b, count in found.flips()[:_FLIPS])
    return [*head, *_shown(found.kappa()), flips or NOTHING]


def _shown(kappa: Interval | None) -> tuple[str, str]:
    return (NOTHING, NOTHING) if kappa is None else (f"{kappa.value:.3f}", f"{kappa.low:.3f} to {kappa.high:.3f}")


def _used(both: pa.Table, side: str) -> list[str]:
    """What the rows in both used on one *side*; the names of these figures for the side ``""``."""
    if not side:
        return ["model", "USD per 1,000 rows", "output tokens a row"]
    return [
        ", ".join(sorted(filter(None, pc.unique(both[f"{_MODEL}{side}"]).to_pylist()))),
        usd(per_thousand(_cost(both, side), len(both))),
        f"{pc.mean(both[f'{_OUTPUT}{side}']).as_py() or 0:.1f}",
    ]


def _cost(both: pa.Table, side: str) -> Decimal:
    return Decimal(pc.sum(both[f"{_COST}{side}"]).as_py() or 0)


def _plain(
    both: pa.Table, found: Mapping[str, Pairs | Differences], first: pa.Table, second: pa.Table
) -> dict[str, Any]:
    return {
        "rows": len(both),
        "only_a": len(first) - len(both),
        "only_b": len(second) - len(both),
        "usd": [_cost(both, side) for side in (" a", " b")],
        "fields": {name: _figures(one) for name, one in found.items()},
    }


def _figures(found: Pairs | Differences) -> dict[str, Any]:
    if not found.rows:
        return {"rows": 0}
    figures = {"rows": found.rows, "same": found.same, "agreement": found.agreement()._asdict()}
    if isinstance(found, Differences):
        return {**figures, "mean_difference": found.mean, "mean_absolute_difference": found.mean_absolute}
    kappa = found.kappa()
    return {
        **figures,
        "kappa": None if kappa is None else kappa._asdict(),
        "by_label": {label: one._asdict() for label, one in found.by_label().items()},
        "pairs": [[*pair, count] for pair, count in found.counts.most_common()],
    }
