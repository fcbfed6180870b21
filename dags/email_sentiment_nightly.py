"""
### Sentiment of yesterday's customer mail, on the table at nine

At midnight local time the mail of the day that has just ended is read, scanned, and sent to Claude's Message Batches
API at half price. Each shard is one mapped instance of `sentiment.shard`; the grid is the progress bar.

**Point it at your mail.** `<root>` is `AIRFLOW__CLAUDE__ROOT`.

- mail: `<root>/mail/<day>/` (`.eml` files or an mbox; tables with the same columns), or the param `source`
- answers: `<root>/answers/email_sentiment/day=<day>/`
- deadline: 09:00. A batch that has not ended by its shard's cutoff is cancelled, and what it has not answered is asked on
  the Messages API, just in time. The plan's log says until when, and what it may cost.
- consistency: 1 % of the mails, 100 at least, are asked a second time; the report says how many got the same answer
- report: `report.html` in `<root>/work/email_sentiment_nightly/sentiment/<day>/`

**Look at what was set aside.** `claude-batch quarantine <run folder>` lists it; the param `release` lets rows of a day
through, when the day is triggered again.

**Run a day again.** Trigger it with the param `day`, clear its run, or backfill (a backfill's dates are in the zone of
your browser). The day's partition is replaced whole; a batch that is already paid for is taken up again. A rerun that has no
rows, far fewer, or another source is refused, unless the param `replace` says `always`; `claude-batch restore` puts back
what a day held before.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

import pendulum
from airflow.providers.common.compat.sdk import DAG, Asset, Param, conf
from airflow.timetables.interval import CronDataIntervalTimetable
from pydantic import BaseModel, Field

from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.failure import Failure
from airflow_provider_claude.job import DEFAULT_MODEL, ClaudeJob
from airflow_provider_claude.plugin.alerts import deadline_alerts
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Plan, Publish, Scan, Shard, Sync

if TYPE_CHECKING:
    from airflow.sdk import Context

ROOT = conf.get("claude", "root", fallback="/opt/airflow/claude").rstrip("/")
ZONE = conf.get("claude", "timezone", fallback="Europe/Berlin")


class Sentiment(BaseModel):
    """What the table shows of every mail."""

    sentiment: Literal["positive", "neutral", "negative"]
    confidence: float = Field(ge=0, le=1, description="how sure the label is, from 0 to 1")
    topic: str = Field(max_length=120, description="what the mail is about, in a few words of English")
    needs_reply: bool = Field(description="whether the customer waits for an answer")


JOB = ClaudeJob(
    system="You label customer emails for a support team.",
    prompt=(
        "Subject: {subject}\nEmail: {body}\n\n"
        "Label this email: the customer's sentiment towards us, how sure you are, the topic, and whether they wait "
        "for a reply."
    ),
    output=Sentiment,
    max_tokens=256,
)


def on_first_failure(context: Context) -> None:
    """The place for a notifier: SlackNotifier, SmtpNotifier, PagerdutyNotifier … instead of this log line.

    It is called by each task that fails; only the first has something to tell.
    """
    failure = Failure.of(context)
    if failure is not None:
        logging.getLogger(__name__).error("%s", failure.message)


with DAG(
    dag_id="email_sentiment_nightly",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone=ZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=ZONE),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "claude",
        "retries": 2,
        "retry_delay": pendulum.duration(minutes=1),
        "on_failure_callback": on_first_failure,
    },
    deadline=deadline_alerts("09:00", ZONE, work=f"{ROOT}/work"),
    tags=["claude", "email"],
    params={
        "source": Param(
            None,
            type=["null", "string"],
            title="Mail",
            description="File, folder or glob, of what [claude] sources allows; empty for <root>/mail/<day>",
        ),
        "day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description="The day to run for; empty for the run's own data interval",
        ),
        "model": Param(
            DEFAULT_MODEL,
            type="string",
            enum=[DEFAULT_MODEL, "claude-sonnet-5-5"],
            title="Model",
            description="Who answers",
        ),
        "shard_rows": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            maximum=100_000,
            title="Shard size",
            description="Mails in one batch; empty lets the plan choose",
        ),
        "deadline": Param(
            None,
            type=["null", "string"],
            pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
            title="Deadline",
            description="HH:MM local time, for a run that is not a scheduled one; those are due at 09:00",
        ),
        "tier": Param(
            "start",
            type="string",
            enum=["start", "build", "scale"],
            title="Account tier",
            description="What the account may use a minute on the Messages API, where what batches left behind is asked",
        ),
        "release": Param(
            [],
            type=["null", "array"],
            items={"type": "string"},
            title="Release",
            description="Rows to let out of the day's quarantine, one a line: id:…, rule:override, layer:classifier, all",
        ),
        "replace": Param(
            "guarded",
            type="string",
            enum=["guarded", "always"],
            title="Replace",
            description="always: the day's answers are replaced even by none, by far fewer, or from another source",
        ),
        "take_over": Param(
            default=False,
            type="boolean",
            title="Take over",
            description="The day's answers become this DAG's, whichever DAG or schedule has published them before",
        ),
        "budget_usd": Param(
            None,
            type=["null", "string"],
            pattern=r"^\d+(\.\d+)?$",
            title="Budget",
            description="USD this day may cost at most; empty for as much as it takes",
        ),
        "dry_run": Param(
            default=False,
            type="boolean",
            title="Dry run",
            description="Only estimate what the day would cost: see the log of the plan. Nothing is sent",
        ),
    },
) as dag:
    claude_batch_job(
        "sentiment",
        job=JOB,
        source=f"{{{{ params.source or '{ROOT}/mail/' ~ day }}}}",
        work=f"{ROOT}/work",
        output=f"{ROOT}/answers/email_sentiment",
        deadline="09:00",
        model="{{ params.model }}",
        carry=["message_id", "sender", "date"],
        scan=Scan(release="{{ params.release | tojson }}"),
        plan=Plan(
            limits="{{ params.tier }}",
            budget_usd="{{ params.budget_usd or '' }}",
            shard_rows="{{ params.shard_rows or '' }}",
            dry_run="{{ params.dry_run }}",
        ),
        shard=Shard(poll_interval=conf.getfloat("claude", "poll_interval", fallback=60.0)),
        sync=Sync(pool=conf.get("claude", "sync_pool", fallback="default_pool")),
        publish=Publish(
            replace="{{ params.replace }}", take_over="{{ params.take_over }}", outlets=[Asset("email_sentiment")]
        ),
        consistency=Consistency(least=100),  # the report says how consistent the night was, for about 1 % of its cost
    )
