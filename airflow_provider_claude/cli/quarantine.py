"""`quarantine` and `release`: list the rows that a scan has set aside, and release some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_claude.cli.screen import NOTHING, Screen, counts, number, rows
from airflow_provider_claude.core.scan.selectors import Selectors
from airflow_provider_claude.stages.scan import release_rows as stage
from airflow_provider_claude.store import RunFolder

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
    reasons, damage = Counter[str](), Damage()
    for row in _meant(run, terms):
        if row["lost_rows"] != 0:
            damage.add(row["lost_rows"])
        else:
            reasons[row["reason"]] += 1
        if len(table) < limit:
            table.append(_shown(row))
    if table:
        out.table(_HEAD, table, right=("score", "lost rows"))
        out.line()
    for sentence in stage.unmatched(run, terms) if terms else ():
        out.line(sentence)
    left = f", {number(limit)} of them shown" if reasons.total() + damage.regions > limit else ""
    found = f": {counts(dict(reasons.most_common()))}" if reasons else ""
    out.line(f"{rows(reasons.total())} in quarantine{left}{found}.")
    if damage.regions:
        out.line(damage.sentence)
    for sentence in stage.acts(run):
        out.line(sentence)
    return 0 if reasons or damage.regions or not terms else 1


def release(run: RunFolder, terms: Sequence[str], out: Screen, act: stage.Act) -> int:
    """Release the rows that *selectors* match, from the next scan on. Returns the exit code, 1 if no row matches."""
    record = stage.release(run, terms, act)
    for sentence in stage.unmatched(run, terms):
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


def _shown(row: dict[str, Any]) -> tuple[str, ...]:
    name = row["item_id"] or row["source_ref"]
    score = NOTHING if row["scan_layer"] == "source" else f"{row['scan_score']:.2f}"
    lost = {0: NOTHING, None: "unknown"}.get(row["lost_rows"], number(row["lost_rows"]))
    return name[:60], row["reason"], row["scan_layer"], score, lost, (row["scan_excerpt"] or row["detail"])[:100]
