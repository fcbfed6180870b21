"""### Release rows from quarantine

Releases rows that the scan of `email_sentiment_nightly` set aside, puts on record who did so and why, and runs that day
again. A DAG of its own has rights of its own.
"""

from __future__ import annotations

# [START example_claude_release]
import pendulum
from airflow.providers.common.compat.sdk import DAG, Param, conf
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from airflow_provider_claude.operators.release import ClaudeReleaseOperator

ROOT = conf.get("claude", "root", fallback="/opt/airflow/claude").rstrip("/")

with DAG(
    "example_claude_release",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    params={
        "day": Param(type="string", format="date", title="Day"),
        "release": Param(
            type="array",
            items={"type": "string"},
            title="Rows",
            description="One selector a line: id:…, rule:override, verdict:…, layer:classifier, all",
        ),
        "note": Param("", type="string", title="Why", description="It stays on record, and in the report"),
    },
    tags=["claude", "example"],
):
    release = ClaudeReleaseOperator(
        task_id="release",
        run_folder=f"{ROOT}/work/email_sentiment_nightly/sentiment/{{{{ day }}}}",
        release="{{ params.release | tojson }}",
        note="{{ params.note }}",
    )
    again = TriggerDagRunOperator(
        task_id="again", trigger_dag_id="email_sentiment_nightly", conf={"day": "{{ params.day }}"}
    )
    release >> again
# [END example_claude_release]
