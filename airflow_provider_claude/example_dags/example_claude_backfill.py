"""### One partition a day, ready for backfills

Reads `<root>/reviews/<day>/*.parquet` of each day, and publishes `<root>/answers/reviews/day=<day>/`. A
backfill of a day that was answered before pays nothing.
"""

from __future__ import annotations

# [START example_claude_backfill]
import pendulum
from airflow.providers.common.compat.sdk import DAG, Param, conf
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Plan, Scan

ROOT = conf.get("claude", "root", fallback="/opt/airflow/claude").rstrip("/")
ZONE = conf.get("claude", "timezone", fallback="Europe/Berlin")

with DAG(
    "example_claude_backfill",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone=ZONE),  # a run a day, about the local day before
    start_date=pendulum.datetime(2026, 1, 1, tz=ZONE),
    catchup=False,
    max_active_runs=1,  # of two days at once each would pay its own trial, and share one account's limits
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
    params={"budget_usd": Param("5.00", type="string", title="Budget", description="USD, also of a whole backfill")},
    tags=["claude", "example"],
):
    claude_batch_job(
        "reviews",
        job=ClaudeJob(
            prompt="<review>{text}</review>\nIs the reviewer content?",
            output={
                "type": "object",
                "properties": {"content": {"type": "boolean"}},
                "required": ["content"],
                "additionalProperties": False,
            },
            max_tokens=50,
        ),
        source=f"{ROOT}/reviews/{{{{ day }}}}/*.parquet",  # {{ day }} is the day of the data, never the day of the run
        work=f"{ROOT}/work",
        output=f"{ROOT}/answers/reviews",
        scan=Scan(missing_source="empty"),  # a day without a file is a day without reviews
        plan=Plan(budget_usd="{{ params.budget_usd }}"),
    )
# [END example_claude_backfill]
