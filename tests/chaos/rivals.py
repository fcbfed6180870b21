"""The same harm to the batch operators of Airflow's own providers, and to ours: what each paid twice, by the books.

The operators are executed as a task would execute them, from one process to the next with nothing between but what they
keep themselves; a task that died is run again, as a retry does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from benchmarks.context import task_context
from tests.chaos import mails
from tests.chaos.acts import kill_at, nothing
from tests.chaos.machine import Machine
from tests.chaos.night import JOB, Night, Sentiment
from tests.chaos.points import Act
from tests.chaos.processes import Outcome
from tests.chaos.results import tell
from tests.chaos.warm import warm_up

_MOST_TRIES = 6
_CALLS = frozenset({"call"})
_CREATE = "POST /v1/messages/batches"
_LOOK = "GET /v1/messages/batches/…"

#: What is done to the first try: the point it is killed at, or the fault it meets.
_HARMS: Mapping[str, tuple[str, str]] = {
    "no harm": ("", ""),
    "killed just before the paid call": (_CREATE, ""),
    "killed between the paid call and its record": (f"{_CREATE}, answered", ""),
    "killed while it waits": (f"{_LOOK}, answered", ""),
    "connection reset after the API took it": ("", "reset_after_accept"),
}

Work = Callable[[Night], Any]


@dataclass(frozen=True, kw_only=True)
class Rival:
    name: str
    work: Work
    rows: int


def compare(seed: int) -> int:
    """Print the table. 0, whatever it says: it judges others."""
    with Machine() as machine:
        _environment(machine)
        rivals = [
            Rival(name="ours", work=Night.whole, rows=len(_texts())),
            Rival(name="AnthropicBatchOperator", work=_anthropic, rows=len(_texts())),
            Rival(name="LLMBatchOperator", work=lambda night: _llm(night, "resubmit"), rows=len(_texts())),
            Rival(name="LLMBatchOperator, on_orphaned_intent=fail", work=lambda night: _llm(night, "fail"), rows=len(_texts())),
        ]  # fmt: skip
        warm_up(machine)
        tell(f"{'':<42} {'':<44} {'tries':>5} {'batches':>8} {'billed':>7} {'billed again':>13}  end")
        for harm in _HARMS:
            for rival in rivals:
                tell(_line(machine, rival, harm, seed))
    return 0


def _line(machine: Machine, rival: Rival, harm: str, seed: int) -> str:
    outcomes = _run(machine, rival, harm, seed)
    books = machine.books()
    billed, again = books["total"]["requests"], books["same_content"]["requests"]
    end = "done" if outcomes[-1].done else f"never done: {outcomes[-1].error}"
    return f"{rival.name:<42} {harm:<44} {len(outcomes):>5} {len(books['batches']):>8} {billed:>7} {again:>13}  {end}"


def _run(machine: Machine, rival: Rival, harm: str, seed: int) -> list[Outcome]:
    point, fault = _HARMS[harm]
    at = _number(machine, rival, point, seed)
    place = machine.case(seed, _texts())
    if fault:
        machine.claude.fault(fault, route="create")
    acts: list[Act] = [nothing if at is None else kill_at(at)] + [nothing] * (_MOST_TRIES - 1)
    outcomes: list[Outcome] = []
    for act in acts:
        outcomes.append(machine.start(place, act, _CALLS, rival.work).join())
        if outcomes[-1].done or (outcomes[-1].error and outcomes[-1].error != "PendingError" and len(outcomes) > 2):
            break
        machine.advance(outcomes[-1].retry_after + 5.0)
    return outcomes


def _number(machine: Machine, rival: Rival, name: str, seed: int) -> int | None:
    """Which of its calls is the first one called *name*, by a run without harm."""
    if not name:
        return None
    outcome = machine.start(machine.case(seed, _texts()), nothing, _CALLS, rival.work).join()
    if not outcome.done:
        raise RuntimeError(f"{rival.name} fails without harm:\n{outcome.text}")
    return [point.name for point in outcome.value].index(name)


def _texts() -> dict[str, str]:
    """Mails that differ, and that nobody sets aside: all are asked the same number of them."""
    return {
        name: text for text, name in {text: name for name, text in mails.made_up().items()}.items() if "</" not in text
    }


def _anthropic(_night: Night) -> None:
    """It is not told to wait in the triggerer, so that one process lives through all of it."""
    from airflow.providers.anthropic.operators.batch import AnthropicBatchOperator

    requests = [{"custom_id": name, "params": _params(text)} for name, text in _texts().items()]
    AnthropicBatchOperator(task_id="batch", requests=requests, deferrable=False, poll_interval=0.05).execute(
        task_context()
    )


def _params(text: str) -> dict[str, Any]:
    return {
        "model": JOB.model,
        "max_tokens": JOB.max_tokens,
        "system": JOB.system,
        "messages": [{"role": "user", "content": f"<mail>{text}</mail>"}],
    }


def _llm(night: Night, on_orphaned_intent: Literal["resubmit", "fail"]) -> None:
    from airflow.providers.common.ai.operators.llm_batch import LLMBatchOperator

    batch = LLMBatchOperator(
        task_id="batch",
        llm_conn_id="pydanticai_default",
        model_id=f"anthropic:{JOB.model}",
        requests=[f"<mail>{text}</mail>" for text in _texts().values()],
        system_prompt=JOB.system,
        output_type=Sentiment,
        max_tokens=JOB.max_tokens,
        result_path=(night.place.folder / "llm").as_uri(),
        deferrable=False,
        on_orphaned_intent=on_orphaned_intent,
    )
    batch.poll_interval = cast("int", 0.05)  # the operator takes no less than 30
    batch.execute(task_context())


def _environment(machine: Machine) -> None:
    """An Airflow without a database: connections come from the environment. Before anything imports Airflow."""
    home = machine.folder / "airflow"
    home.mkdir()
    pydantic_ai = {"conn_type": "pydanticai", "host": machine.claude.base_url, "password": machine.claude.api_key}
    os.environ.update(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__UNIT_TEST_MODE="True",
        AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/airflow.db",
        AIRFLOW_CONN_ANTHROPIC_DEFAULT=machine.claude.connection_json,
        AIRFLOW_CONN_PYDANTICAI_DEFAULT=json.dumps(pydantic_ai),
    )
    from airflow.providers.anthropic.operators import batch  # noqa: F401 - imported once, before any fork
    from airflow.providers.common.ai.operators import llm_batch  # noqa: F401
