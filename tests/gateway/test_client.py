"""The seam to the API, with the real SDK: what leaves the machine, and what of the answer is believed or repeated."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from airflow_provider_claude.errors import (
    ApiUnavailableError,
    ClaudeError,
    CredentialsError,
    NotFoundYetError,
    RequestRejectedError,
    Transient,
    UnknownFateError,
)
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess


class Proxy(BaseHTTPRequestHandler):
    """Answers every call with the same thing, and notes who called."""

    answer: ClassVar[tuple[int, dict[str, str], bytes]] = (500, {}, b"")
    seen: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append(self.path)
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def proxy() -> Iterator[str]:
    Proxy.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def gateway(url: str) -> Gateway:
    import anthropic

    return Gateway(lambda: anthropic.Anthropic(base_url=url, api_key="k", max_retries=0))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_nothing_is_sent_elsewhere(proxy: str, status: int) -> None:
    Proxy.answer = (status, {"location": f"{proxy}/elsewhere"}, b"")
    calls = [
        lambda: gateway(proxy).create_batch(b"{}"),  # type: ignore[arg-type]
        lambda: gateway(proxy).create_message(b"{}"),
        lambda: gateway(proxy).batch("msgbatch_1"),
        lambda: list(gateway(proxy).results("msgbatch_1")),
    ]
    for call in calls:
        with pytest.raises(RequestRejectedError):
            call()
    assert "/elsewhere" not in Proxy.seen


def test_an_error_never_repeats_the_body_of_an_answer(proxy: str) -> None:
    Proxy.answer = (413, {"content-type": "text/html"}, b"<h1>Dear bank, my PIN is 1234</h1>" * 1000)
    with pytest.raises(RequestRejectedError) as error:
        gateway(proxy).create_message(b"{}")
    assert "PIN" not in str(error.value)
    assert len(str(error.value)) < 300


def test_what_the_api_says_stays_on_one_line(proxy: str) -> None:
    body = (
        b'{"type":"error","error":{"type":"invalid_request_error","message":"bad\\n[2026] ERROR forged \\u001b[31m"}}'
    )
    Proxy.answer = (400, {"content-type": "application/json"}, body)
    with pytest.raises(RequestRejectedError) as error:
        gateway(proxy).create_message(b"{}")
    assert "\n" not in str(error.value)
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"id":"x\\ny","processing_status":"ended"}'])
def test_an_answer_that_is_no_batch_is_not_taken_for_one(proxy: str, body: bytes) -> None:
    Proxy.answer = (200, {"content-type": "application/json"}, body)
    with pytest.raises(ClaudeError):
        gateway(proxy).batch("msgbatch_1")


def test_a_batch_id_cannot_lead_to_another_path(proxy: str) -> None:
    with pytest.raises(RequestRejectedError, match="not a batch id"):
        gateway(proxy).batch("../models")
    assert Proxy.seen == []


def test_an_unknown_batch_may_be_known_in_a_moment(claude_simulator: SimulatorProcess) -> None:
    with pytest.raises(NotFoundYetError):
        gateway(claude_simulator.base_url).batch("msgbatch_unknown")


def test_a_host_that_refuses_the_connection_was_never_asked_and_is_named() -> None:
    with pytest.raises(ApiUnavailableError) as error:
        gateway("http://127.0.0.1:9").create_message(b"{}")
    assert not isinstance(error.value, UnknownFateError)
    assert "at http://127.0.0.1:9: " in str(error.value)


@pytest.mark.parametrize("fault", ["error_500", "error_504", "reset_after_accept", "reset_before_accept"])
def test_after_a_stumble_or_a_lost_connection_the_fate_of_a_call_is_unknown(
    claude_simulator: SimulatorProcess, fault: str
) -> None:
    claude_simulator.fault(fault, route="messages")
    asked = b'{"model":"claude-haiku-5-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'
    with pytest.raises(UnknownFateError):
        gateway(claude_simulator.base_url).create_message(asked)


def test_a_batch_that_was_taken_with_an_unreadable_answer_may_have_been_paid_for(proxy: str) -> None:
    Proxy.answer = (200, {"content-type": "application/json"}, b'{"id":"msgbatch_1","process')
    with pytest.raises(UnknownFateError):
        gateway(proxy).create_batch(b"{}")  # type: ignore[arg-type]


def test_the_api_knows_its_models_by_id_and_alias(claude_simulator: SimulatorProcess) -> None:
    api = gateway(claude_simulator.base_url)
    assert "claude-haiku-5-5" in [model.id for model in api.models()]
    found = [api.model(name) for name in ("claude-haiku-5-5", "claude-haiku-4-5", "gpt-4o", "../batches")]
    assert [model and model.id for model in found] == ["claude-haiku-5-5", "claude-haiku-4-5-20251001", None, None]


def test_the_api_says_until_when_a_model_lives_and_whether_it_takes_batches(claude_simulator: SimulatorProcess) -> None:
    api, name = gateway(claude_simulator.base_url), "claude-haiku-5-5"
    alive = api.model(name)
    claude_simulator.model(name, lifecycle="deprecated", retires_at="2026-12-24T00:00:00Z", batch=False)
    ends, gone = api.model(name), api.model("claude-3-haiku-20240307")
    assert alive is not None and ends is not None and gone is not None  # noqa: PT018
    assert (alive.lifecycle, alive.retires_at, alive.takes_batches) == ("active", None, True)
    assert (ends.lifecycle, ends.retires_at, ends.takes_batches) == ("deprecated", "2026-12-24T00:00:00Z", False)
    assert (gone.lifecycle, gone.line) == ("retired", "haiku")
    assert gone.id not in [model.id for model in api.models()]


@pytest.mark.parametrize("status", [429, 503])
def test_no_call_that_costs_nothing_sleeps_as_long_as_retry_after_says(proxy: str, status: int) -> None:
    error = b'{"type":"error","error":{"type":"rate_limit_error","message":"later"}}'
    Proxy.answer = (status, {"content-type": "application/json", "retry-after": "86400"}, error)
    api = Gateway(lambda: anthropic_client(proxy))
    calls = [
        lambda: list(api.batches(since=0.0)),
        lambda: api.cancel_batch("msgbatch_1"),
        lambda: api.delete_batch("msgbatch_1"),
        lambda: api.count_tokens(b"{}"),
        api.account,
    ]
    for call in calls:
        with pytest.raises(Transient) as raised:
            call()
        assert raised.value.retry_after == 86400
    assert len(Proxy.seen) == len(calls)


def anthropic_client(url: str) -> Any:
    """With the retries that a connection has."""
    import anthropic

    return anthropic.Anthropic(base_url=url, api_key="k")


def test_a_call_that_costs_nothing_survives_a_blip(claude_simulator: SimulatorProcess) -> None:
    claude_simulator.fault("error_529", route="list")
    assert list(gateway(claude_simulator.base_url).batches(since=0.0)) == []


FORBIDDEN = b'{"type":"error","error":{"type":"permission_error","message":"not yours"}}'


@pytest.mark.parametrize(("status", "body"), [(403, FORBIDDEN), (404, b"<html>"), (405, b"")])
def test_where_the_models_api_is_closed_the_workspace_that_the_connection_names_is_enough(
    proxy: str, status: int, body: bytes
) -> None:
    Proxy.answer = (status, {}, body)
    account = Gateway(lambda: anthropic_client(proxy), workspace=lambda: "wrkspc_1").account()
    assert account.workspace == "wrkspc_1"


def test_where_the_models_api_is_closed_its_refusal_may_name_the_workspace(proxy: str) -> None:
    Proxy.answer = (403, {"anthropic-workspace-id": "wrkspc_2"}, FORBIDDEN)
    assert Gateway(lambda: anthropic_client(proxy)).account().workspace == "wrkspc_2"
    with pytest.raises(CredentialsError, match="wrkspc_2"):
        Gateway(lambda: anthropic_client(proxy), workspace=lambda: "wrkspc_1").account()


def test_a_key_that_is_refused_and_names_no_workspace_has_no_account(proxy: str) -> None:
    for status in (401, 403):
        Proxy.answer = (status, {}, FORBIDDEN)
        with pytest.raises(CredentialsError):
            Gateway(lambda: anthropic_client(proxy)).account()


def test_results_that_come_byte_by_byte_are_not_waited_for_for_ever(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_claude.gateway.client._DOWNLOAD", 0.0)
    Proxy.answer = (200, {}, b"{}\n" * 100)
    with pytest.raises(ApiUnavailableError, match="so slowly"):
        list(gateway(proxy).results("msgbatch_1"))
