"""The command line of `claude-batch`: arguments to folders, errors to one line."""

from __future__ import annotations

import argparse
import os
import pwd
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

from airflow_provider_claude.cli import (
    accept,
    cancel,
    check,
    compare,
    costs,
    estimate,
    hold,
    prune,
    quarantine,
    restore,
    reveal,
    review,
    runs,
    show,
    sql,
    trace,
)
from airflow_provider_claude.cli.arguments import WrongCallError, build_parser
from airflow_provider_claude.cli.documents import Documents
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
from airflow_provider_claude.cli.screen import Screen, plain
from airflow_provider_claude.cli.show_prompt import show_prompt
from airflow_provider_claude.errors import ClaudeError, JobError
from airflow_provider_claude.masking import masked
from airflow_provider_claude.stages.review.apply_review import Golden
from airflow_provider_claude.stages.scan.release_rows import Act
from airflow_provider_claude.store import RunFolder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 where it could not be done, 2 where it was called wrongly."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        args = build_parser().parse_args(words)
    except WrongCallError as e:
        return _wrong_call(e, as_json="--json" in words)
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    try:
        code = _COMMANDS[args.command](args, (Documents if args.json else Screen)(sys.stdout))
        sys.stdout.flush()
    except BrokenPipeError:  # `claude-batch runs ... | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ClaudeError, OSError) as e:
        return _failed(e, as_json=args.json)
    except KeyboardInterrupt:
        return 130
    return code


def _failed(error: Exception, *, as_json: bool) -> int:
    message = masked(str(error))
    if as_json:
        Documents(sys.stderr).document(_error(type(error).__name__, message, code=1))
    else:
        Screen(sys.stderr).line(f"claude-batch: {message}")
    return 1


def _wrong_call(error: WrongCallError, *, as_json: bool) -> NoReturn:
    """Say what is wrong with the arguments, as argparse does where people read it."""
    if not as_json:
        argparse.ArgumentParser.error(error.parser, plain(str(error)))
    Documents(sys.stderr).document(_error("WrongCall", str(error), code=2))
    raise SystemExit(2)


def _error(kind: str, message: str, *, code: int) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message}, "exit_code": code}


def _runs(args: argparse.Namespace, out: Screen) -> int:
    return runs.show_runs(to_path(args.work), out, now=_now())


def _show(args: argparse.Namespace, out: Screen) -> int:
    place = run_or_shard(to_path(args.folder))
    if args.prompt:
        return show_prompt(place if isinstance(place, RunFolder) else place.run, out)
    return show.show_run(place, out) if isinstance(place, RunFolder) else show.show_shard(place, out)


def _trace(args: argparse.Namespace, out: Screen) -> int:
    return trace.show_trace(
        to_path(args.folder),
        args.item,
        out,
        day=args.day,
        request=args.request,
        attempt=args.attempt,
        to=args.to,
    )


def _adopt(args: argparse.Namespace, out: Screen) -> int:
    shard = shard_at(to_path(args.shard))
    work = work_of(shard.run)
    return hold.adopt(shard, work, args.batch_id, open_api(args.conn_id).of(work.account), out, now=_now())


def _resend(args: argparse.Namespace, out: Screen) -> int:
    shard = shard_at(to_path(args.shard))
    api = open_api(args.conn_id).of(work_of(shard.run).account) if args.deleted else None
    return hold.resend(shard, out, now=_now(), deleted_at=api)


def _accept(args: argparse.Namespace, out: Screen) -> int:
    return accept.accept(run_at(to_path(args.run)), out, by=_who(), now=_now())


def _check(args: argparse.Namespace, out: Screen) -> int:
    return check.check(args.work, args.output, args.model, args.conn_id, out, now=_now())


def _cancel(args: argparse.Namespace, out: Screen) -> int:
    place = run_or_shard(to_path(args.folder))
    run, shard = (place, None) if isinstance(place, RunFolder) else (place.run, place.number)
    if args.json and not args.yes:
        raise JobError("Nothing was cancelled: with --json there is no question, so write --yes.")
    api = open_api(args.conn_id).of(work_of(run).account)
    return cancel.cancel(look(run), shard, api, out, sure=lambda question: args.yes or _answer(out, question))


def _quarantine(args: argparse.Namespace, out: Screen) -> int:
    run = run_at(to_path(args.run))
    if args.full is not None:
        return quarantine.show_full(run, args.full, out)
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


def _review(args: argparse.Namespace, out: Screen) -> int:
    review.check(args.to, args.apply)
    run = run_at(to_path(args.run))
    if args.to:
        return review.write(run, Path(args.to), out)
    golden = Golden(to_path(args.golden), args.id_column) if args.golden else None
    return review.take_over(run, to_path(args.apply), golden, out, examples=args.examples)


def _restore(args: argparse.Namespace, out: Screen) -> int:
    output = to_path(args.output)
    if args.partition is None:
        return restore.show_partitions(output, out)
    partition = restore.partition_at(output, args.partition)
    if args.list:
        return restore.show_versions(partition, out)
    return restore.restore_version(partition, args.version, out, now=_now())


def _costs(args: argparse.Namespace, out: Screen) -> int:
    return costs.show_costs(to_path(args.work), out, month=args.month, by=args.by)


def _compare(args: argparse.Namespace, out: Screen) -> int:
    a, b = to_path(args.a), to_path(args.b)
    return compare.show_comparison(a, b, out, fields=args.fields)


def _estimate(args: argparse.Namespace, out: Screen) -> int:
    job = estimate.job_at(args.job).with_model(args.model)
    return estimate.show_estimate(
        job,
        [to_path(source) for source in args.sources],
        None if args.offline else open_api(args.conn_id),
        out,
        reading=estimate.Reading(id_column=args.id_column, format=args.format, encoding=args.encoding),
        clock=_now,
    )


def _sql(args: argparse.Namespace, out: Screen) -> int:
    return sql.show_sql(run_at(to_path(args.run)), args.query, out, limit=max(args.limit, 0))


def _prune(args: argparse.Namespace, out: Screen) -> int:
    api = open_api(args.conn_id) if args.delete_batches else None
    return prune.prune(to_path(args.work), api, out, days=args.days, now=_now(), dry_run=args.dry_run)


def _answer(out: Screen, question: str) -> bool:
    """Whether the person says yes; no answer is a no."""
    out.ask(question)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _now() -> str:
    return datetime.now(UTC).isoformat()


_COMMANDS: dict[str, Callable[[argparse.Namespace, Screen], int]] = {
    "runs": _runs,
    "show": _show,
    "trace": _trace,
    "accept": _accept,
    "adopt": _adopt,
    "resend": _resend,
    "cancel": _cancel,
    "check": _check,
    "quarantine": _quarantine,
    "release": _release,
    "reveal": _reveal,
    "review": _review,
    "restore": _restore,
    "costs": _costs,
    "compare": _compare,
    "estimate": _estimate,
    "prune": _prune,
    "sql": _sql,
}


if __name__ == "__main__":
    sys.exit(main())
