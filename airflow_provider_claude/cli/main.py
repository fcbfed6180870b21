"""The command line of `claude-batch`: arguments to folders, errors to one line."""

from __future__ import annotations

import argparse
import os
import pwd
import re
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

from airflow_provider_claude.cli import cancel, compare, costs, estimate, hold, prune, quarantine, restore, reveal, show
from airflow_provider_claude.cli.facts import look
from airflow_provider_claude.cli.locations import (
    open_api,
    open_cipher,
    run_at,
    run_or_shard,
    shard_at,
    to_path,
    work_of,
)
from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.errors import ClaudeError, JobError
from airflow_provider_claude.job.numbers import whole_number
from airflow_provider_claude.masking import masked
from airflow_provider_claude.stages.scan.release_rows import Act
from airflow_provider_claude.store import RunFolder

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 where it could not be done, 2 where it was called wrongly."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    args = build_parser().parse_args(arguments)
    command: Callable[[argparse.Namespace, Screen], int] = args.command
    try:
        code = command(args, Screen(sys.stdout))
        sys.stdout.flush()
    except BrokenPipeError:  # `claude-batch runs ... | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ClaudeError, OSError) as e:
        Screen(sys.stderr).line(f"claude-batch: {masked(str(e))}")
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="claude-batch", description="Manage the runs of a work folder.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    runs = _command(commands, _runs, "runs", "list the runs under a work folder")
    runs.add_argument("work", metavar="WORK", help=_WORK)
    shown = _command(commands, _show, "show", "show what is on record of a run or a shard")
    shown.add_argument("folder", metavar="SHARD_OR_RUN", help=_EITHER)
    adopted = _command(commands, _adopt, "adopt", "end a hold: name the batch that was sent for a shard")
    adopted.add_argument("shard", metavar="SHARD", help=_SHARD)
    adopted.add_argument("batch_id", metavar="BATCH_ID", help="its id, as the Console shows it")
    _add_connection(adopted)
    resent = _command(
        commands,
        _resend,
        "resend",
        "end a hold without a batch, or write off a deleted one: the shard is paid for again",
    )
    resent.add_argument(
        "--deleted", action="store_true", help="its batch was deleted: write it off if this connection does not know it"
    )
    _add_connection(resent)
    resent.add_argument("shard", metavar="SHARD", help=_SHARD)
    aside = _command(commands, _quarantine, "quarantine", "list the rows that the scan of a run has set aside")
    aside.add_argument("run", metavar="RUN", help=_RUN)
    _add_terms(aside, least="*")
    aside.add_argument(
        "--limit", metavar="N", type=_limit, default=50, help="the most rows to list (default: %(default)s)"
    )
    released = _command(commands, _release, "release", "release rows from quarantine: the next scan lets them through")
    released.add_argument("run", metavar="RUN", help=_RUN)
    _add_terms(released, least="*")
    released.add_argument("--note", metavar="WHY", default="", help="why; it stays on record, and in the report")
    released.add_argument("--withdraw", metavar="N", type=int, help="withdraw release N instead")
    revealed = _command(commands, _reveal, "reveal", "write what the tokens of a run stand for, decrypted", _REVEAL)
    revealed.add_argument("run", metavar="RUN", help=_RUN)
    revealed.add_argument("to", metavar="FILE", help="a new file ending in .csv or .parquet: token, kind, value")
    restored = _command(commands, _restore, "restore", "restore what a partition of answers held before", _RESTORE)
    restored.add_argument("output", metavar="OUTPUT", help="the root of the published answers")
    restored.add_argument("partition", metavar="PARTITION", nargs="?", help="2026-11-22 or day=2026-11-22; - for none")
    restored.add_argument("--version", metavar="ID", help="which one (default: the newest)")
    restored.add_argument("--list", action="store_true", help="only list the versions")
    cancelled = _command(commands, _cancel, "cancel", "cancel the batches of a run or a shard that are in flight")
    cancelled.add_argument("folder", metavar="RUN_OR_SHARD", help=_EITHER)
    cancelled.add_argument("--yes", action="store_true", help="do not ask")
    _add_connection(cancelled)
    compare.add_arguments(
        _command(commands, _compare, "compare", "compare two answers of the same rows", compare.DESCRIPTION)
    )
    estimated = _command(
        commands, _estimate, "estimate", "estimate what a job would cost, without paying", estimate.DESCRIPTION
    )
    estimate.add_arguments(estimated)
    _add_connection(estimated)
    _add_costs(_command(commands, _costs, "costs", "sum up what the runs of a work folder have cost", _COSTS))
    _add_prune(_command(commands, _prune, "prune", "remove old runs that ended well", _PRUNE))
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    command: Callable[[argparse.Namespace, Screen], int],
    name: str,
    brief: str,
    description: str | None = None,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=brief,
        description=description or f"{brief[0].upper()}{brief[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=command)
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
        "--month", metavar="YYYY-MM", type=_month, default=_now()[:7], help="in UTC (default: this one, %(default)s)"
    )
    parser.add_argument(
        "--by",
        metavar="KEY",
        choices=costs.KEYS,
        nargs="+",
        default=["dag"],
        help="dag, day, model, lane, account, or several",
    )
    parser.add_argument("--json", action="store_true", help="write JSON, with all digits")


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


def _runs(args: argparse.Namespace, out: Screen) -> int:
    return show.show_runs(to_path(args.work), out)


def _show(args: argparse.Namespace, out: Screen) -> int:
    place = run_or_shard(to_path(args.folder))
    return show.show_run(place, out) if isinstance(place, RunFolder) else show.show_shard(place, out)


def _adopt(args: argparse.Namespace, out: Screen) -> int:
    shard = shard_at(to_path(args.shard))
    work = work_of(shard.run)
    return hold.adopt(shard, work, args.batch_id, open_api(args.conn_id).of(work.account), out, now=_now())


def _resend(args: argparse.Namespace, out: Screen) -> int:
    shard = shard_at(to_path(args.shard))
    api = open_api(args.conn_id).of(work_of(shard.run).account) if args.deleted else None
    return hold.resend(shard, out, now=_now(), deleted_at=api)


def _cancel(args: argparse.Namespace, out: Screen) -> int:
    place = run_or_shard(to_path(args.folder))
    run, shard = (place, None) if isinstance(place, RunFolder) else (place.run, place.number)
    api = open_api(args.conn_id).of(work_of(run).account)
    return cancel.cancel(look(run), shard, api, out, sure=lambda question: args.yes or _answer(out, question))


def _quarantine(args: argparse.Namespace, out: Screen) -> int:
    run = run_at(to_path(args.run))
    return quarantine.show_quarantine(run, args.terms, out, limit=max(args.limit, 0))


def _release(args: argparse.Namespace, out: Screen) -> int:
    run, act = run_at(to_path(args.run)), Act(by=_who(), at=_now(), note=args.note)
    if (args.withdraw is None) == (not args.terms):
        raise JobError("Write which rows to release, such as id:m-7 or rule:override, or --withdraw N, and not both.")
    if args.withdraw is not None:
        return quarantine.withdraw(run, args.withdraw, out, act)
    return quarantine.release(run, args.terms, out, act)


def _who() -> str:
    """The user of this process by its id, whatever the environment says, and the host."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    return f"{name} at {socket.gethostname()}"


def _reveal(args: argparse.Namespace, out: Screen) -> int:
    return reveal.reveal(run_at(to_path(args.run)), Path(args.to), open_cipher(), out)


def _restore(args: argparse.Namespace, out: Screen) -> int:
    output = to_path(args.output)
    if args.partition is None:
        return restore.show_partitions(output, out)
    partition = restore.partition_at(output, args.partition)
    if args.list:
        return restore.show_versions(partition, out)
    return restore.restore_version(partition, args.version, out, now=_now())


def _costs(args: argparse.Namespace, out: Screen) -> int:
    return costs.show_costs(to_path(args.work), out, month=args.month, by=args.by, as_json=args.json)


def _compare(args: argparse.Namespace, out: Screen) -> int:
    a, b = to_path(args.a), to_path(args.b)
    return compare.show_comparison(a, b, out, fields=args.fields, as_json=args.json)


def _estimate(args: argparse.Namespace, out: Screen) -> int:
    job = estimate.job_at(args.job).with_model(args.model)
    return estimate.show_estimate(
        job,
        [to_path(source) for source in args.sources],
        None if args.offline else open_api(args.conn_id),
        out,
        reading=estimate.Reading(id_column=args.id_column, format=args.format, encoding=args.encoding),
        clock=_now,
        as_json=args.json,
    )


def _prune(args: argparse.Namespace, out: Screen) -> int:
    api = open_api(args.conn_id) if args.delete_batches else None
    return prune.prune(to_path(args.work), api, out, days=args.days, now=_now(), dry_run=args.dry_run)


def _answer(out: Screen, question: str) -> bool:
    """Whether the person says yes; no answer is a no."""
    out.ask(question)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _now() -> str:
    return datetime.now(UTC).isoformat()


if __name__ == "__main__":
    sys.exit(main())
