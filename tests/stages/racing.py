"""One run of a race on a run folder: `python -m tests.stages.racing <folder> <base URL> <run id>`."""

from __future__ import annotations

import sys
import time

import anthropic
import pendulum
from pydantic import BaseModel
from upath import UPath

from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import PendingError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.active.enter import Active, enter
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import open_shards, plan
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import RunFolder


class Label(BaseModel):
    label: str


JOB = ClaudeJob(system="Label.", prompt="<mail>{body}</mail>", output=Label, max_tokens=100)


def now() -> str:
    return pendulum.now("UTC").isoformat()


def main(folder: str, url: str, run_id: str) -> None:
    run = RunFolder(UPath(folder))
    me = ActiveRun(dag_id="race", run_id=run_id, task="all")
    print("ready", flush=True)
    sys.stdin.readline()
    active = _in_turn(run, me)
    with anthropic.Anthropic(base_url=url, api_key=run_id, max_retries=0) as client:
        night(run, Gateway(lambda: client))
    active.close()
    print(active.number, flush=True)


def _in_turn(run: RunFolder, me: ActiveRun) -> Active:
    while True:
        try:
            return enter(run, me, alive=lambda _: None, clock=now)
        except PendingError as e:
            print(e, file=sys.stderr, flush=True)
            time.sleep(0.05)


def night(run: RunFolder, gateway: Gateway) -> None:
    source = open_source(run.path.parent / "mails.jsonl", columns=["body"])
    scan(source, run, ScanSettings(text_columns=["body"]), clock=now)
    record = plan(run, JOB, gateway, settings=Settings(limits=Limits(rows=5)), clock=now)
    for shard in open_shards(run, record):
        create(shard, gateway, clock=now)
        while True:
            try:
                load(shard, JOB, gateway, clock=now)
                break
            except PendingError:
                time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
