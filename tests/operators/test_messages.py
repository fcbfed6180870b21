"""What an error tells people to write are parameters that they can write."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.core.report.thresholds import Limit
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.structure import Limits
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.create import ClaudeBatchCreateOperator
from airflow_provider_claude.operators.load import ClaudeResultLoadOperator
from airflow_provider_claude.operators.messages import ClaudeMessagesOperator
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.operators.scan_splits import ClaudeScanSplitOperator
from airflow_provider_claude.operators.settle import ClaudeSettleOperator
from airflow_provider_claude.operators.vote import ClaudeVoteOperator
from airflow_provider_claude.plugin.alerts import deadline_alerts
from airflow_provider_claude.sensors.batch import ClaudeBatchSensor
from airflow_provider_claude.sources.sql_source import ClaudeSqlSource
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Plan, Publish, Scan, Shard, Sync
from tests.conftest import PROJECT

PUBLIC = (
    Limit,
    ScanPolicy,
    Limits,
    ClaudeJob,
    ClaudeSqlSource,
    Consistency,
    ClaudeInputScanOperator,
    ClaudeScanSplitOperator,
    ClaudePlanOperator,
    ClaudeBatchCreateOperator,
    ClaudeResultLoadOperator,
    ClaudeSettleOperator,
    ClaudeVoteOperator,
    ClaudeMessagesOperator,
    ClaudeReportOperator,
    ClaudeBatchSensor,
    claude_batch_job,
    Scan,
    Plan,
    Shard,
    Sync,
    Publish,
    deadline_alerts,
)
PACKAGE = PROJECT / "airflow_provider_claude"
ROOMS = ("sources", "stages", "core", "sinks", "store", "job", "operators", "task_groups")

#: `name=` as one writes it in Python, or a sentence that begins with `name is {value}`.
_ASSIGNED = re.compile(r"(?<![\w.?&\[])([a-z][a-z_]*)=(?!=)")
_IS = re.compile(r"^([a-z][a-z_]*) is \{\}:")

#: Settings of the user's own Pydantic model, and an argument of pyarrow's.
_OTHER = {"alias", "extra", "validate_by_alias", "validate_by_name", "write_batch_size"}


def parameters() -> set[str]:
    return {name for one in PUBLIC for name in inspect.signature(one).parameters} | {"day", "deadline", "notify"}


def texts() -> Iterator[tuple[str, str]]:
    """The text of every error that is raised, its values as `{}`, and where it stands."""
    for room in ROOMS:
        for path in sorted((PACKAGE / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", _text(node.exc.args[0])


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(value) for value in values)
        case _:
            return "{}"


def test_errors_name_the_parameters_of_the_operators_and_not_arguments_behind_them() -> None:
    known, found = parameters() | _OTHER, list(texts())
    wrong = [
        f"{place}: {name}"
        for place, text in found
        for name in [*_ASSIGNED.findall(text), *_IS.findall(text)]
        if name not in known
    ]
    assert wrong == []
    assert len(found) > 100


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"deadline": "9am"}, "deadline is '9am'"),
        ({"limits": "huge"}, "limits is 'huge'"),
        ({"budget_usd": "5 USD"}, "budget_usd is '5 USD'"),
    ],
)
def test_what_it_is_to_keep_is_checked_when_the_dag_is_parsed_unless_it_is_a_template(
    wrong: dict[str, Any], says: str
) -> None:
    job = ClaudeJob(prompt="{body}", output={"type": "object", "properties": {"s": {"type": "string"}}})

    def made(**given: Any) -> ClaudeMessagesOperator:
        return ClaudeMessagesOperator(task_id="ask", job=job, source="s", run_folder="r", publish_to="", **given)

    with pytest.raises(JobError, match=says):
        made(**wrong)
    made(**dict.fromkeys(wrong, "{{ params.later }}"))
