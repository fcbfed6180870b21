"""What a new user sees of a connection that cannot work: its name and what to write, at once and without a retry."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_claude.errors import CredentialsError
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.sensors.batch import ClaudeBatchSensor
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.triggers.batch import ClaudeBatchTrigger
from tests.context import manual_run

KEY = "sk-ant-secret"
GOOD = {"conn_type": "anthropic", "password": KEY}

#: What is wrong, and what the message has to say.
WRONG = [
    (None, ["There is no Airflow connection 'shop'"]),
    ("{not json", ["AIRFLOW_CONN_SHOP is set, and Airflow cannot read it"]),
    ({"conn_type": "anthropic"}, ["has no API key", "password"]),
    ({**GOOD, "host": "api.example.com"}, ["'api.example.com'", "'https://api.example.com'"]),
    ({**GOOD, "host": "localhost:8765"}, ["'localhost:8765'", "'http://localhost:8765'"]),
    ({**GOOD, "host": "claude-proxy"}, ["'http://claude-proxy'"]),
    ({**GOOD, "host": "127.0.0.1", "port": 8765}, ["'http://127.0.0.1:8765'"]),
    ({**GOOD, "host": "https://api.example.com", "port": 8443}, ["port", "'https://api.example.com:8443'"]),
    ({**GOOD, "host": "https://api.anthropic.com/v1"}, ["leave out /v1"]),
    (
        {**GOOD, "extra": {"anthropic_client_kwargs": {"base_url": "proxy.example.com"}}},
        ["'https://proxy.example.com'"],
    ),
    ({**GOOD, "password": f"{KEY}\n"}, ["line break"]),
    ({**GOOD, "password": f" {KEY}"}, ["blank"]),
    ({**GOOD, "password": f"{KEY}\x01x"}, ["another character"]),
    ({**GOOD, "password": f"{KEY}é"}, ["another character"]),
    ({**GOOD, "password": " \r\n"}, ["blank"]),
    ({**GOOD, "password": f'"{KEY}"'}, ["quotes"]),
    ({"conn_type": "anthropic", "extra": {"anthropic_client_kwargs": {"api_key": f"{KEY}\n"}}}, ["'api_key'"]),
    ({"conn_type": "anthropic", "extra": {"anthropic_client_kwargs": {"auth_token": f"{KEY} "}}}, ["'auth_token'"]),
    (
        {**GOOD, "extra": {"anthropic_client_kwargs": {"default_headers": {"X-Proxy": f"{KEY}\n"}}}},
        ["a header 'X-Proxy'"],
    ),
    ({**GOOD, "host": f"https://me:{KEY}@api.example.com"}, ["a user or a password in its host"]),
    ({**GOOD, "host": f"https://{KEY}@api.example.com", "port": 8443}, ["a user or a password in its host"]),
    (
        {**GOOD, "extra": {"anthropic_client_kwargs": {"base_url": f"https://me:{KEY}@api.example.com"}}},
        ["a user or a password in its host"],
    ),
    ({**GOOD, "conn_type": "http"}, ["type 'http'", "'anthropic'"]),
    ({**GOOD, "extra": {"platform": "bedrock"}}, ["platform 'bedrock'"]),
    ({**GOOD, "extra": {"anthropic_client_kwargs": {"colour": "red"}}}, ["cannot be used", "colour"]),
]


@pytest.fixture(autouse=True)
def _no_credentials_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "AIRFLOW_CONN_SHOP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def connect(monkeypatch: pytest.MonkeyPatch, connection: Any) -> None:
    if connection is not None:
        text = connection if isinstance(connection, str) else json.dumps(connection)
        monkeypatch.setenv("AIRFLOW_CONN_SHOP", text)


def check(message: str, said: list[str]) -> None:
    assert all(words in message for words in ["AIRFLOW_CONN_SHOP", *said]), message
    assert KEY not in message


@pytest.mark.parametrize(("connection", "said"), WRONG)
def test_a_connection_that_cannot_work_is_named_with_what_to_write(
    monkeypatch: pytest.MonkeyPatch, connection: Any, said: list[str]
) -> None:
    connect(monkeypatch, connection)
    with pytest.raises(CredentialsError) as error:
        ClaudeHook("shop").gateway().connect()
    check(str(error.value), said)


@pytest.mark.parametrize(("connection", "said"), WRONG)
def test_the_triggerer_says_the_same_and_asks_for_no_retry(
    monkeypatch: pytest.MonkeyPatch, connection: Any, said: list[str]
) -> None:
    connect(monkeypatch, connection)
    event = first_event(ClaudeBatchTrigger("msgbatch_1", "shop", 0.01, 0.0))
    check(event["message"], said)
    assert "may still be billing" in event["message"]
    with pytest.raises(AirflowFailException):
        ClaudeBatchSensor(task_id="wait", batch_id="msgbatch_1", conn_id="shop").execute_complete({}, event)


@pytest.mark.parametrize(("connection", "said"), WRONG)
def test_the_sync_lane_says_the_same(monkeypatch: pytest.MonkeyPatch, connection: Any, said: list[str]) -> None:
    connect(monkeypatch, connection)

    async def open_connection() -> None:
        async with ClaudeHook("shop").lane_factory().open_connection().connect():
            raise AssertionError("it must not connect")

    with pytest.raises(CredentialsError) as error:
        asyncio.run(open_connection())
    check(str(error.value), said)


def test_a_key_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, {"conn_type": "anthropic"})
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    ClaudeHook("shop").gateway().connect()


@pytest.mark.parametrize(
    "around",
    [
        {"ANTHROPIC_API_KEY": f"{KEY}\n"},
        {"ANTHROPIC_AUTH_TOKEN": f"{KEY}\r\nX-More: 1"},
        {"ANTHROPIC_API_KEY": "good", "ANTHROPIC_BASE_URL": f"https://me:{KEY}@api.example.com"},
    ],
)
def test_a_key_or_an_address_of_the_environment_that_cannot_be_sent_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, around: dict[str, str]
) -> None:
    connect(monkeypatch, {"conn_type": "anthropic"})
    for name, value in around.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CredentialsError) as error:
        ClaudeHook("shop").gateway().connect()
    check(str(error.value), ["'shop'", "environment"])


def test_nothing_that_a_task_hands_on_shows_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, {**GOOD, "extra": {"anthropic_client_kwargs": {"default_headers": {"X-Proxy": KEY}}}})
    hook = ClaudeHook("shop")
    gateway = hook.gateway()
    gateway.connect()
    line = hook.lane_factory().open_connection()
    trigger = ClaudeBatchTrigger("msgbatch_1", "shop", 60.0, 0.0)
    shown = [
        gateway,
        vars(gateway),
        hook,
        vars(hook),
        line,
        dataclasses.asdict(line),
        hook.lane_factory(),
        trigger.serialize(),
    ]
    assert all(KEY not in repr(one) for one in shown)


def test_what_a_connection_sends_is_masked_in_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"X-Proxy": "a-proxy-key", "X-On": "1"}
    connect(monkeypatch, {**GOOD, "extra": {"anthropic_client_kwargs": {"default_headers": headers}}})
    masked: list[str] = []
    monkeypatch.setattr("airflow_provider_claude.hooks.claude.mask_secret", masked.append)
    ClaudeHook("shop").gateway().connect()
    assert masked == [KEY, "a-proxy-key"]


@pytest.mark.parametrize("fault", ["bad_key", "permission"])
def test_a_key_that_the_api_refuses_fails_the_plan_at_once_and_names_the_connection(
    claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str
) -> None:
    connect(monkeypatch, {**GOOD, "host": claude_simulator.base_url})
    claude_simulator.fault(fault, times=20)
    with pytest.raises(AirflowFailException) as error:
        planned(tmp_path).execute(manual_run())
    check(str(error.value), ["connection 'shop'", "valid API key"])


def test_a_missing_connection_fails_the_plan_at_once(tmp_path: Path) -> None:
    with pytest.raises(AirflowFailException) as error:
        planned(tmp_path).execute(manual_run())
    check(str(error.value), ["There is no Airflow connection 'shop'"])


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_wait_with_a_refused_key_is_not_retried(
    claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, *, deferrable: bool
) -> None:
    connect(monkeypatch, {**GOOD, "host": claude_simulator.base_url})
    claude_simulator.fault("bad_key", times=20)
    sensor = ClaudeBatchSensor(task_id="wait", batch_id="msgbatch_1", conn_id="shop", poll_interval=0.01)

    def wait() -> None:
        if deferrable:
            sensor.execute_complete({}, first_event(ClaudeBatchTrigger("msgbatch_1", "shop", 0.01, 0.0)))
        while not sensor.poke({}):
            pass

    with pytest.raises(AirflowFailException) as error:
        wait()
    check(str(error.value), ["connection 'shop'", "pays nothing"])


def first_event(trigger: ClaudeBatchTrigger) -> dict[str, Any]:
    async def wait() -> Any:
        return await asyncio.wait_for(anext(trigger.run()), 30)

    return dict(asyncio.run(wait()).payload)


def planned(folder: Path) -> ClaudePlanOperator:
    """A plan of one scanned row."""
    (folder / "rows.jsonl").write_text('{"id": "1", "body": "Good."}')
    run = str(folder / "run")
    scan = ClaudeInputScanOperator(task_id="scan", source=str(folder / "rows.jsonl"), run_folder=run, columns=["body"])
    job = ClaudeJob(prompt="<m>{body}</m>", output={"type": "object", "properties": {"a": {"type": "string"}}})
    return ClaudePlanOperator(task_id="plan", run_folder=scan.execute({}), job=job, conn_id="shop")


@pytest.mark.parametrize(("set_by_hand", "then"), [(logging.NOTSET, logging.WARNING), (logging.INFO, logging.INFO)])
@pytest.mark.parametrize("name", ["anthropic", "httpx", "httpx2", "httpcore", "httpcore2"])
def test_the_http_client_logs_no_line_a_call_unless_a_level_is_set_for_it(
    monkeypatch: pytest.MonkeyPatch, name: str, set_by_hand: int, then: int
) -> None:
    log = logging.getLogger(name)
    monkeypatch.setattr(log, "level", set_by_hand)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps(GOOD))
    ClaudeHook("shop").gateway().connect()
    assert log.level == then
