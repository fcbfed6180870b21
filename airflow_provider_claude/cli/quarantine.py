"""`quarantine` and `release`: list the rows that a scan has set aside, and release some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_claude.cli.screen import NOTHING, Screen, counts, number
from airflow_provider_claude.core.report.ledger import rows
from airflow_provider_claude.core.scan.selectors import Selectors
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.scan import release_rows as stage
from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.store.parquet_files import rows_with

_HEAD = ("id", "verdict", "layer", "score", "lost rows", "excerpt")


@dataclass
class Damage:
    """Damaged *regions* of the source: the *rows* in those that could be counted, and how many could not."""

    regions: int = 0
    rows: int = 0
    uncounted: int = 0

    def add(self, lost: int | None) -> None:
        self.regions += 1
        self.rows += lost or 0
        self.uncounted += lost is None

    @property
    def sentence(self) -> str:
        unknown = f"; the number of rows lost in {number(self.uncounted)} of them is unknown" if self.uncounted else ""
        places = "1 damaged place" if self.regions == 1 else f"{number(self.regions)} damaged places"
        return f"Lost in {places} of the source: {rows(self.rows)}{unknown}."


def show_quarantine(run: RunFolder, terms: Sequence[str], out: Screen, *, limit: int) -> int:
    """Print the rows that *selectors* match (all without any), at most *limit*. Returns the exit code, 1 if no row matches."""
    run.need_scan()
    table: list[tuple[str, ...]] = []
    listed: list[dict[str, Any]] = []
    reasons, damage = Counter[str](), Damage()
    for row in _meant(run, terms):
        if row["lost_rows"] != 0:
            damage.add(row["lost_rows"])
        else:
            reasons[row["reason"]] += 1
        if len(table) < limit:
            table.append(_shown(row))
            listed.append(_facts(row))
    acts, none = stage.acts(run), stage.unmatched(run, terms) if terms else []
    out.document(
        {
            "run": str(run),
            "rows": reasons.total(),
            "by_reason": dict(reasons.most_common()),
            "damaged_places": damage.regions,
            "rows_lost": damage.rows,
            "damaged_places_uncounted": damage.uncounted,
            "listed": listed,
            "unmatched": none,
            "releases": acts,
        }
    )
    if table:
        out.table(_HEAD, table, right=("score", "lost rows"))
        out.line()
    for sentence in none:
        out.line(sentence)
    left = f", {number(limit)} of them shown" if reasons.total() + damage.regions > limit else ""
    found = f": {counts(dict(reasons.most_common()))}" if reasons else ""
    out.line(f"{rows(reasons.total())} in quarantine{left}{found}.")
    if damage.regions:
        out.line(damage.sentence)
    for sentence in acts:
        out.line(sentence)
    return 0 if reasons or damage.regions or not terms else 1


def show_full(run: RunFolder, name: str, out: Screen) -> int:
    """Print the rows in quarantine whose id, or place in the source, is *name*, with their whole texts. Returns the exit code.

    In a text each character that would act on a terminal is written out; its lines stay lines, each behind a bar, so that none
    passes for one of ours. Raises StateError where there is
    no such row.
    """
    columns = run.need_scan().columns
    found = [row for path in run.parts("quarantine") for row in rows_with(path, name, ["item_id", "source_ref"])]
    if not found:
        raise StateError(f"No row called {name!r} is in quarantine: no id is, and no place in the source.")
    out.document({"run": str(run), "rows": [_with_texts(row, columns) for row in found]})
    for row in found:
        out.line(f"row      {row['item_id'] or 'without an id'}, {row['source_ref']}")
        out.line(f"verdict  {row['reason']} ({row['scan_layer']}, score {row['scan_score']:.2f}): {row['detail']}")
        for column, text in _texts(row, columns).items():
            out.line(f"--- {column} ---")
            for line in (text or "").split("\n"):
                out.line(f"| {line}")
    return 0


def _texts(row: dict[str, Any], columns: Sequence[str]) -> dict[str, str | None]:
    """The texts of *row* that the job sends, and what its reader would not see."""
    return {name: row[name] for name in (*columns, "claude_hidden") if row.get(name) is not None}


def _with_texts(row: dict[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    return {**_facts(row), "texts": _texts(row, columns)}


def release(run: RunFolder, terms: Sequence[str], out: Screen, act: stage.Act) -> int:
    """Release the rows that *selectors* match, from the next scan on. Returns the exit code, 1 if no row matches."""
    record, none = stage.release(run, terms, act), stage.unmatched(run, terms)
    out.document({"run": str(run), "released": len(record.rows), "by_reason": record.by_reason, "unmatched": none})
    for sentence in none:
        out.line(sentence)
    if not record.rows:
        out.line("Nothing was released.")
        return 1
    are = "is" if len(record.rows) == 1 else "are"
    out.line(f"{rows(len(record.rows))} {are} released: {counts(record.by_reason)}.")
    first = "split" if run.file("splits").joinpath("splits.json").exists() else "scan"
    out.line(
        f"Trigger the day again, or clear its task `{first}` with all tasks after it: the released rows are sent, each "
        f"in its own request, and {_cost(run)}. To withdraw this: claude-batch release <run folder> --withdraw "
        f"{max(stage.holding(run))}. It is on record, with {act.by}, in {run.file('releases')}."
    )
    return 0


def withdraw(run: RunFolder, number: int, out: Screen, act: stage.Act) -> int:
    """Withdraw release *number*. Returns the exit code."""
    record = stage.withdraw(run, number, act)
    out.document({"run": str(run), "withdrawn": number, "by_reason": record.by_reason})
    out.line(f"Release {number} ({counts(record.by_reason)}) is withdrawn: the next scan checks its rows again.")
    return 0


def _cost(run: RunFolder) -> str:
    """What is paid for once released rows of *run* come in: the answers of a pack count for that pack alone."""
    plan = run.plan()
    if plan is not None and any(shard.pack > 1 for shard in plan.shards):
        return "as items share requests (pack), shards whose rows change are paid for again"
    return "rows with answers are not paid for again"


def _meant(run: RunFolder, terms: Sequence[str]) -> Iterator[dict[str, Any]]:
    aside = stage.read_quarantine(run)
    if not terms:
        return aside
    selectors = Selectors.of(terms)
    return (row for row in aside if selectors.means(row))


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    """*row* without its texts."""
    return {name: row[name] for name in stage.SHOWN}


def _shown(row: dict[str, Any]) -> tuple[str, ...]:
    name = row["item_id"] or row["source_ref"]
    score = NOTHING if row["scan_layer"] == "source" else f"{row['scan_score']:.2f}"
    lost = {0: NOTHING, None: "unknown"}.get(row["lost_rows"], number(row["lost_rows"]))
    return name[:60], row["reason"], row["scan_layer"], score, lost, (row["scan_excerpt"] or row["detail"])[:100]
