"""A night of mail through `email_sentiment_nightly`, on this machine: no key, no network, nothing to set up."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pendulum
from upath import UPath

from airflow_provider_claude.demo.airflow import DemoAirflow, DemoError
from airflow_provider_claude.demo.closing import closing_table
from airflow_provider_claude.demo.corpus import write_corpus
from airflow_provider_claude.demo.watch import Watch
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.store import RunFolder

DAG_ID, GROUP = "email_sentiment_nightly", "sentiment"
_LOOK_SECONDS = 0.3

#: A real night has some of these, in these shares of the requests.
_MISHAPS = {"refusal": 0.002, "errored": 0.002, "case_drift": 0.01, "noise": 0.02}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_claude.demo", description=__doc__)
    parser.add_argument("--mails", type=int, default=2000, help="size of the corpus (default: %(default)s)")
    parser.add_argument("--date", type=_day, default=None, help="the day to run for, YYYY-MM-DD (default: yesterday)")
    parser.add_argument("--mail", type=Path, default=None, help="your own mail instead of a made corpus")
    parser.add_argument("--seed", type=int, default=1, help="of the corpus and the simulator")
    parser.add_argument("--shard-rows", type=int, default=500, help="mails in one batch (default: %(default)s)")
    parser.add_argument("--pace", default="seconds:3", help="how long a batch takes (default: %(default)s)")
    parser.add_argument("--root", type=Path, default=Path(".demo"), help="where everything is kept")
    parser.add_argument("--dags", type=Path, default=Path("dags"), help="the folder of the DAG")
    return parser


def _day(text: str) -> pendulum.Date:
    try:
        return pendulum.from_format(text, "YYYY-MM-DD").date()
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write YYYY-MM-DD") from e


def main(arguments: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(arguments)
    began = time.monotonic()
    os.umask(0o077)  # Airflow's own files, too, are for this user alone
    root, day = args.root.resolve(), args.date or pendulum.yesterday().date()
    run = RunFolder(UPath(root / "work" / DAG_ID / GROUP / day.isoformat()))
    shutil.rmtree(run.path.path, ignore_errors=True)  # what an earlier demo paid for was play money
    source = args.mail.resolve() if args.mail else _corpus(root, day, args.mails, args.seed)
    try:
        with SimulatorProcess(pace=args.pace, seed=args.seed, retry_after=1) as claude:
            claude.behaviour(**_MISHAPS)
            _night(run, root, args, source, day, claude)
    except DemoError as e:
        print(e, file=sys.stderr)
        return 1
    summary = json.loads(run.file("report.json").read_bytes())
    print(closing_table(summary, run, time.monotonic() - began))
    return 0


def _corpus(root: Path, day: pendulum.Date, mails: int, seed: int) -> Path:
    folder = root / "mail" / day.isoformat()
    shutil.rmtree(folder, ignore_errors=True)
    write_corpus(folder, mails, seed, day)
    _print(f"mail    {mails:,} made up in {folder}")
    return folder


def _night(
    run: RunFolder, root: Path, args: argparse.Namespace, source: Path, day: pendulum.Date, claude: SimulatorProcess
) -> None:
    _print(f"claude  simulated at {claude.base_url}, a batch takes {args.pace}")
    connection = {"conn_type": "anthropic", "host": claude.base_url, "password": claude.api_key}
    airflow = DemoAirflow(root / "airflow", args.dags.resolve(), root, source, connection)
    airflow.migrate()
    _print("airflow ready (SQLite)")
    conf = {"source": str(source), "day": day.isoformat(), "shard_rows": args.shard_rows, "deadline": "09:00"}
    process = airflow.test_dag(DAG_ID, conf)
    _follow(Watch(run), process)
    airflow.check(process, f"airflow dags test {DAG_ID}")


def _follow(watch: Watch, process: subprocess.Popen[bytes]) -> None:
    while True:
        running = process.poll() is None
        for sentence in watch.news():
            _print(sentence)
        if not running:
            return
        time.sleep(_LOOK_SECONDS)


def _print(sentence: str) -> None:
    print(f"{pendulum.now().format('HH:mm:ss')}  {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
