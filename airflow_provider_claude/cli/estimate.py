"""`estimate`: what a job would cost for the rows of sources. All that is sent is a sample of requests, to count their tokens."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from upath import UPath

from airflow_provider_claude.cli.screen import Screen, number, usd
from airflow_provider_claude.core.cost.estimate import per_thousand
from airflow_provider_claude.core.progress import Seen
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.plan.dry_run import DryRun, dry_run
from airflow_provider_claude.stages.plan.plan_settings import PlanApi, Settings
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.store import RunFolder

if TYPE_CHECKING:
    from types import ModuleType

DESCRIPTION = """Estimates what a job would cost for the rows of one or more sources, such as the days of a backfill.

Each source is scanned as a run would scan it, into a temporary folder. Tokens are counted by the API in a sample of the
requests, which is free; with --offline nothing is asked, and tokens are estimated from bytes. Nothing is sent to be
answered, and nothing is paid. Answers that a work folder holds already are not looked for: a run may cost less."""

_HEAD = ("source", "rows", "to ask", "input tokens", "output tokens", "batch USD", "sync USD", "USD per 1,000 rows")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How sources are read: the *id_column* of tables, None where rows are named by their place, and the *format*, None by
    the suffix.
    """

    id_column: str | None = "id"
    format: str | None = None
    encoding: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "job", metavar="JOB", help="where the ClaudeJob is: dags/email_sentiment_nightly.py:JOB, or package.module:JOB"
    )
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="+", help="a file, a folder or a glob in quotes; several: one estimate each"
    )
    parser.add_argument("--model", metavar="MODEL", help="another model than the job's")
    parser.add_argument(
        "--id-column", metavar="NAME", default="id", help="the id of tables' rows (default: %(default)s)"
    )
    parser.add_argument("--format", metavar="FORMAT", help="the source's format (default: by the suffix)")
    parser.add_argument("--encoding", metavar="CHARSET", help="the character set of CSV and JSON Lines")
    parser.add_argument("--offline", action="store_true", help="do not call the API: estimate tokens from bytes")
    return parser


def job_at(name: str) -> ClaudeJob:
    """The job that *name* stands for: `file.py:NAME` or `module:NAME`. Its module is run.

    Raises JobError where there is none.
    """
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise JobError(f"JOB is {name!r}: write a file or module and the name in it, such as dags/nightly.py:JOB.")
    found = getattr(_module(place), attribute, None)
    if not isinstance(found, ClaudeJob):
        raise JobError(f"{place} has no ClaudeJob called {attribute}.")
    return found


def _module(place: str) -> ModuleType:
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        spec = importlib.util.spec_from_file_location("claude_batch_estimated", Path(place).resolve())
        if spec is None or spec.loader is None:
            raise JobError(f"{place} is not a Python file.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # Pydantic looks annotations up there
        spec.loader.exec_module(module)
    except (ImportError, OSError, SyntaxError) as e:
        raise JobError(f"{place} cannot be imported: {e}") from e
    return module


def show_estimate(
    job: ClaudeJob,
    sources: Sequence[UPath],
    api: PlanApi | None,
    out: Screen,
    *,
    reading: Reading,
    clock: Callable[[], str],
) -> int:
    """Print what *job* would cost for each of *sources*; with several, their sum as well."""
    with out.watch("rows scanned") as seen:
        found = [(str(source), estimated(job, source, api, reading, clock, seen)) for source in sources]
    out.document({"sources": [_plain(name, one) for name, one in found]})
    if len(found) == 1:
        for sentence in found[0][1].explanation:
            out.line(sentence)
        out.line()
    lines = [_line(name, [one]) for name, one in found]
    if len(found) > 1:
        lines.append(_line(f"{len(found)} sources", [one for _, one in found]))
    out.table(_HEAD, lines, right=_HEAD[1:])
    return 0


def _plain(name: str, one: DryRun) -> dict[str, Any]:
    usd = {"batch_usd": Decimal(one.batch_usd), "sync_usd": Decimal(one.sync_usd)}
    return {"source": name, **msgspec.structs.asdict(one), **usd}


def estimated(
    job: ClaudeJob, source: UPath, api: PlanApi | None, reading: Reading, clock: Callable[[], str], seen: Seen
) -> DryRun:
    """What *job* would ask of the rows at *source*, and what that would cost. Its temporary folder is removed."""
    with tempfile.TemporaryDirectory(prefix="claude-estimate-") as folder:
        run = RunFolder(UPath(folder))
        rows = open_source(
            source,
            format=reading.format,
            id_column=reading.id_column,
            columns=list(job.columns),
            encoding=reading.encoding,
        )
        settings = ScanSettings(text_columns=job.columns, closing_tags=job.closing_tags)
        scan(rows, run, settings, clock=clock, seen=seen)
        return dry_run(run, job, api, settings=Settings(), clock=clock)


def _line(name: str, found: Sequence[DryRun]) -> list[str]:
    rows = sum(one.rows for one in found)
    batch = sum((Decimal(one.batch_usd) for one in found), Decimal(0))
    return [
        name,
        *(number(_sum(found, what)) for what in ("rows", "requests", "input_tokens", "output_tokens")),
        usd(batch),
        usd(sum((Decimal(one.sync_usd) for one in found), Decimal(0))),
        usd(per_thousand(batch, rows)),
    ]


def _sum(found: Sequence[DryRun], what: str) -> int:
    counts: list[Any] = [getattr(one, what) for one in found]
    return sum(counts)
