"""The arguments of `claude-batch`: its commands, and what each takes."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from typing import NoReturn

from airflow_provider_claude import __version__
from airflow_provider_claude.cli import accept, check, compare, costs, estimate, review, sql, trace
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.numbers import whole_number

_CONN_ID = "anthropic_default"

_WORK = "a work folder, or any folder in it; a path, or a URI such as s3://aws_default@bucket/work"
_SHARD = "a shard folder, <run folder>/shards/00003, as logs and `claude-batch show` name it"
_RUN = "a run folder, <work>/<dag>/<group>/<day>"
_EITHER = "a run folder, or one of its shard folders"

_PRUNE = """Removes run folders whose green report is older than N days: items, raw results, answers and report, and the
records of the work folder that point to them. Published answers are not touched. Runs without a green report, or with
batches in flight, or whose answers should be published and are not, stay and are listed.

Deleting answers means that equal requests are paid for again, also those of later runs that reused such an answer.
Runs reuse answers for 29 days (reuse_days): with --days 29 or more, no answer is lost that could still be reused."""


_RESTORE = """Restores what a partition of published answers held before it was replaced. The last two versions of each are kept,
in OUTPUT/_claude. Without PARTITION, lists the partitions that have any."""


_COSTS = """Sums up what was paid in a month for the runs of a work folder, and what may also have been paid: for requests
whose answers never came, at the most they can cost. Reads the record of spending, which no rerun replaces and prune does not
remove: one file a run."""


_REVEAL = """Writes the mapping of a run that was scanned with redaction_mapping=True: one row a token, with its kind and value.

The Fernet key is that of Airflow's configuration here. The file is in clear text; only you can read it."""


class WrongCallError(Exception):
    """The arguments are no call of *parser*; the message is argparse's own."""

    def __init__(self, parser: argparse.ArgumentParser, message: str) -> None:
        super().__init__(message)
        self.parser = parser


class Parser(argparse.ArgumentParser):
    """A parser that raises WrongCallError, so that its caller can say so as it is asked to."""

    def error(self, message: str) -> NoReturn:
        raise WrongCallError(self, message)


def build_parser() -> Parser:
    """The parser of all commands. A call has the name of its command as `command`."""
    parser = Parser(prog="claude-batch", description="Manage the runs of a work folder.")
    parser.add_argument("--version", action="version", version=f"claude-batch {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    runs = _command(commands, "runs", "list the runs under a work folder")
    runs.add_argument("work", metavar="WORK", help=_WORK)
    shown = _command(commands, "show", "show what is on record of a run or a shard")
    shown.add_argument("folder", metavar="SHARD_OR_RUN", help=_EITHER)
    shown.add_argument(
        "--prompt", action="store_true", help="show what is asked of each row: system prompt, prompt, examples, schema"
    )
    trace.add_arguments(
        _command(commands, "trace", "show where a row came from and what was asked about it", trace.DESCRIPTION)
    )
    checked = _command(commands, "check", "check stores, connection, model, pool and triggerer", check.DESCRIPTION)
    _add_connection(check.add_arguments(checked))
    adopted = _command(commands, "adopt", "end a hold: name the batch that was sent for a shard")
    adopted.add_argument("shard", metavar="SHARD", help=_SHARD)
    adopted.add_argument("batch_id", metavar="BATCH_ID", help="its id, as the Console shows it")
    _add_connection(adopted)
    resent = _command(
        commands,
        "resend",
        "end a hold without a batch, or write off a deleted one: the shard is paid for again",
    )
    resent.add_argument(
        "--deleted", action="store_true", help="its batch was deleted: write it off if this connection does not know it"
    )
    _add_connection(resent)
    resent.add_argument("shard", metavar="SHARD", help=_SHARD)
    _command(commands, "accept", "accept the changed job of a run that is held", accept.DESCRIPTION).add_argument(
        "run", metavar="RUN", help=_RUN
    )
    aside = _command(commands, "quarantine", "list the rows that the scan of a run has set aside")
    aside.add_argument("run", metavar="RUN", help=_RUN)
    _add_terms(aside, least="*")
    aside.add_argument(
        "--limit", metavar="N", type=_limit, default=50, help="the most rows to list (default: %(default)s)"
    )
    aside.add_argument("--full", metavar="ITEM_ID", help="print this one row with its whole texts instead of the list")
    released = _command(commands, "release", "release rows from quarantine: the next scan lets them through")
    released.add_argument("run", metavar="RUN", help=_RUN)
    _add_terms(released, least="*")
    released.add_argument("--note", metavar="WHY", default="", help="why; it stays on record, and in the report")
    released.add_argument("--withdraw", metavar="N", type=int, help="withdraw release N instead")
    revealed = _command(commands, "reveal", "write what the tokens of a run stand for, decrypted", _REVEAL)
    revealed.add_argument("run", metavar="RUN", help=_RUN)
    revealed.add_argument("to", metavar="FILE", help="a new file ending in .csv or .parquet: token, kind, value")
    review.add_arguments(
        _command(commands, "review", "write a table for people, or take over what they corrected", review.DESCRIPTION)
    )
    restored = _command(commands, "restore", "restore what a partition of answers held before", _RESTORE)
    restored.add_argument("output", metavar="OUTPUT", help="the root of the published answers")
    restored.add_argument("partition", metavar="PARTITION", nargs="?", help="2026-11-22 or day=2026-11-22; - for none")
    restored.add_argument("--version", metavar="ID", help="which one (default: the newest)")
    restored.add_argument("--list", action="store_true", help="only list the versions")
    cancelled = _command(commands, "cancel", "cancel the batches of a run or a shard that are in flight")
    cancelled.add_argument("folder", metavar="RUN_OR_SHARD", help=_EITHER)
    cancelled.add_argument("--yes", action="store_true", help="do not ask")
    _add_connection(cancelled)
    compare.add_arguments(_command(commands, "compare", "compare two answers of the same rows", compare.DESCRIPTION))
    estimated = _command(commands, "estimate", "estimate what a job would cost, without paying", estimate.DESCRIPTION)
    _add_connection(estimate.add_arguments(estimated))
    sql.add_arguments(_command(commands, "sql", "ask the tables of a run with SQL", sql.DESCRIPTION))
    _add_costs(_command(commands, "costs", "sum up what the runs of a work folder have cost", _COSTS))
    _add_prune(_command(commands, "prune", "remove old runs that ended well", _PRUNE))
    return parser


def _command(
    commands: argparse._SubParsersAction[Parser],
    name: str,
    brief: str,
    description: str | None = None,
) -> Parser:
    parser = commands.add_parser(
        name,
        help=brief,
        description=description or f"{brief[0].upper()}{brief[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--json", action="store_true", help="write one JSON document, see below; errors too, on standard error"
    )
    return parser


def _add_connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--conn-id", default=_CONN_ID, help="Airflow connection of type anthropic (default: %(default)s)"
    )


def _add_terms(parser: argparse.ArgumentParser, least: str) -> None:
    parser.add_argument(
        "terms",
        metavar="TERM",
        nargs=least,
        help="which rows: id:m-7, rule:override, verdict:…, layer:classifier, or all",
    )


def _add_costs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "work", metavar="WORK", help="a work folder; a path, or a URI such as s3://aws_default@bucket/work"
    )
    parser.add_argument(
        "--month",
        metavar="YYYY-MM",
        type=_month,
        default=f"{datetime.now(UTC):%Y-%m}",
        help="in UTC (default: this one, %(default)s)",
    )
    parser.add_argument(
        "--by",
        metavar="KEY",
        choices=costs.KEYS,
        nargs="+",
        default=["dag"],
        help="dag, day, model, lane, account, or several",
    )


def _add_prune(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("work", metavar="WORK", help=_WORK)
    parser.add_argument(
        "--days", metavar="N", type=_days, required=True, help="how old a report must be to be removed, 1 or more"
    )
    parser.add_argument("--delete-batches", action="store_true", help="delete the runs' batches at the API first")
    parser.add_argument("--dry-run", action="store_true", help="only list what would be removed")
    _add_connection(parser)


def _limit(text: str) -> int:
    try:
        return whole_number("--limit", text, 1, 1_000_000)
    except JobError as e:
        raise argparse.ArgumentTypeError(str(e)) from e


def _month(text: str) -> str:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a month such as 2026-11")
    return text


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days") from e
    if not 1 <= days <= 36_500:
        raise argparse.ArgumentTypeError("write 1 to 36500")
    return days
