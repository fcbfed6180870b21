"""`review`: a table of rows for people to look at, and what they corrected as golden rows."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.core.report.ledger import rows
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.stages.review.apply_review import Golden, apply_review, as_example, corrected
from airflow_provider_claude.stages.review.find_neighbours import text_columns
from airflow_provider_claude.stages.review.write_review import write_review
from airflow_provider_claude.store import RunFolder

if TYPE_CHECKING:
    from upath import UPath

DESCRIPTION = """Writes a table of rows for people to look at, to FILE (.csv or .parquet, only for you to read): rows that got
another answer when asked again, rows that say nearly the same and were answered differently, and one in twenty drawn by
chance, at most 500. Each has the texts that were sent, the answer, why it is there, and an empty column for the right value
of each label, boolean and number.

With --apply, reads such a table after people have filled in those columns. A row counts where at least one is filled in; write
the answer itself where it is right. The rows go into the table of golden rows (--golden, a Parquet file): one a text, a
later correction replaces an earlier one. Texts are those of the run, whatever a spreadsheet has made of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder, <work>/<dag>/<group>/<day>")
    parser.add_argument("to", metavar="FILE", nargs="?", help="a new file ending in .csv or .parquet")
    parser.add_argument("--apply", metavar="FILE", help="take over what was corrected in this table")
    parser.add_argument("--golden", metavar="FILE", help="the Parquet file of golden rows, made if there is none")
    parser.add_argument(
        "--id-column", default="id", help="the column of golden rows with their ids (default: %(default)s)"
    )
    parser.add_argument("--examples", action="store_true", help="also print the corrected rows for examples=")


def write(run: RunFolder, to: Path, out: Screen) -> int:
    """Write the table of *run* to *to*. Returns the exit code."""
    written = write_review(run, to)
    out.document({"run": str(run), "file": str(to), "rows": written.rows, "notes": written.notes})
    for note in written.notes:
        out.line(note)
    out.line(f"{rows(written.rows)} to look at {'is' if written.rows == 1 else 'are'} in {to}.")
    return 0


def take_over(run: RunFolder, file: UPath, golden: Golden | None, out: Screen, *, examples: bool) -> int:
    """Take over what was corrected in *file*, and print it as *examples*. Returns the exit code."""
    if golden is None and not examples:
        raise JobError(
            "Write --golden FILE, the table the corrected rows go into, or --examples to print them, or both."
        )
    found, plan = corrected(run, file), run.need_plan()
    done = apply_review(found, plan, golden) if golden is not None and found else None
    pairs = [as_example(one, text_columns(plan)) for one in found] if examples else []
    out.document(
        {
            "run": str(run),
            "corrected": len(found),
            "golden": None if done is None or golden is None else {"file": str(golden.file), **done._asdict()},
            "examples": pairs,
        }
    )
    if not found:
        out.line(f"No row of {file} has a right value filled in; nothing was taken over.")
        return 1
    if done is not None and golden is not None:
        out.line(
            f"{rows(done.added)} added to {golden.file}, {rows(done.replaced)} replaced; it now has {rows(done.rows)}."
        )
    if examples:
        for line in ("examples=[", *(f"    {pair!a}," for pair in pairs), "]"):
            out.line(line)
    return 0


def check(to: str | None, apply: str | None) -> None:
    """Raise JobError where both or none of the two ways are asked for."""
    if (to is None) == (apply is None):
        raise JobError("Write the FILE to write, or --apply FILE, and not both.")
