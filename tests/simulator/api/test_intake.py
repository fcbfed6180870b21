"""What is refused at once, and what only becomes an errored row."""

from __future__ import annotations

import json

import pytest

from tests.simulator.conftest import params, requests

PATH = "/v1/messages/batches"
_ONE = {"custom_id": "a", "params": params()}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"requests": [_ONE, _ONE | {"custom_id": "dup"}, _ONE | {"custom_id": "dup"}]},
         "requests: custom_id's must be unique within a batch. Duplicate custom_id found: dup"),
        ({"requests": [{"params": {}}]}, "requests.0.custom_id: Field required"),
        ({"requests": [_ONE, _ONE | {"custom_id": "x" * 65}]},
         "requests.1.custom_id: String should have at most 64 characters"),
        ({"requests": [_ONE | {"custom_id": "a:b"}]},
         "requests.0.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'"),
        ({"requests": [_ONE | {"custom_id": ""}]},
         "requests.0.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'"),
        ({"requests": [_ONE | {"custom_id": 7}]}, "requests.0.custom_id: Input should be a valid string"),
        ({"requests": []}, "requests: List should have at least 1 item after validation, not 0"),
        ({}, "requests: Field required"),
        ({"requests": [{"custom_id": "a"}]}, "requests.0.params: Field required"),
    ],
)  # fmt: skip
def test_a_bad_frame_is_refused_at_once(wire, body, message):
    """The frame around `params` is checked synchronously, in the words of the API."""
    status, answer = wire.json("POST", PATH, body)
    assert status == 400
    assert answer["error"] == {"type": "invalid_request_error", "message": message}
    assert answer["request_id"].startswith("req_")


@pytest.mark.parametrize("body", [b"{", b"", b"[1", b'{"requests": [}'])
def test_what_is_not_json_is_refused_at_once(wire, body):
    """Broken JSON is a 400 of its own."""
    status, answer = wire.json("POST", PATH, body)
    assert status == 400
    assert answer["error"]["message"].startswith("The request body is not valid JSON: ")


def test_more_than_100000_requests_are_refused(wire):
    """The cap of requests in one batch."""
    body = b'{"requests":[' + b",".join(b'{"custom_id":"c%d","params":{}}' % i for i in range(100_001)) + b"]}"
    assert wire.json("POST", PATH, body)[0] == 400


def test_256_mb_are_refused_before_they_are_read(wire):
    """A body that says it is too large is answered by 413 without being sent."""
    status, answer = wire.json("POST", PATH, b"{}", {"content-length": "256000001"})
    assert status == 413
    assert answer["error"]["type"] == "request_too_large"


def test_the_sync_routes_take_32_mb(wire):
    """Messages has the smaller limit."""
    assert wire.json("POST", "/v1/messages", b"{}", {"content-length": "32000001"})[0] == 413


def test_the_413_can_be_that_of_a_proxy(wire, claude_simulator):
    """In front of the API a proxy answers in HTML, without a request id."""
    claude_simulator.fault("html_413", route="create")
    response, body = wire.call("POST", PATH, {"requests": requests(1)})
    assert response.status == 413
    assert body.startswith(b"<html>")
    assert response.headers["request-id"] is None


_BAD_ROWS = {
    "no messages": (params(messages=None), "invalid_request_error", "messages: Field required"),
    "no model": (params(model=None), "invalid_request_error", "model: Field required"),
    "unknown model": (params(model="claude-nope"), "not_found_error", "model: claude-nope"),
    "retired model": (params(model="claude-3-haiku-20240307"), "not_found_error", "model: claude-3-haiku-20240307"),
    "max_tokens too high": (
        params(model="claude-haiku-4-5", thinking=None, max_tokens=9999999),
        "invalid_request_error",
        "max_tokens: 9999999 > 64000, which is the maximum allowed number of output tokens for claude-haiku-4-5",
    ),
    "max_tokens 0": (params(max_tokens=0), "invalid_request_error", "must be greater than or equal to 1"),
    "stream": (params(stream=True), "invalid_request_error", '"stream=True" is not supported'),
    "temperature": (params(temperature=1), "invalid_request_error", "temperature"),
    "fallbacks": (params(fallbacks=["x"]), "invalid_request_error", "fallbacks"),
    "betas": (params(betas=["x"]), "invalid_request_error", "betas"),
    "unknown key": (params(nonsense=1), "invalid_request_error", "nonsense: Extra inputs are not permitted"),
    "prefill": (
        params(messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]),
        "invalid_request_error",
        "prefill",
    ),
    "enabled thinking": (params(thinking={"type": "enabled"}), "invalid_request_error", "thinking"),
    "disabled thinking at high effort": (
        params(output_config={"effort": "max"}),
        "invalid_request_error",
        "thinking",
    ),
    "schema with bounds": (
        params(output_config={"format": {"type": "json_schema", "schema": {"type": "integer", "minimum": 1}}}),
        "invalid_request_error",
        "minimum",
    ),
    "params not an object": ([1], "invalid_request_error", "Input should be a valid"),
}  # fmt: skip


def test_bad_params_become_errored_rows(rows):
    """Everything wrong inside `params` is found only when the batch has ended, row by row, and is free."""
    found = rows([{"custom_id": str(place), "params": bad[0]} for place, bad in enumerate(_BAD_ROWS.values())])
    for place, (name, (_, kind, message)) in enumerate(_BAD_ROWS.items()):
        result = found[str(place)]
        assert result.type == "errored", name
        assert result.error.error.type == kind, name
        assert message in result.error.error.message, name


def test_errored_rows_have_the_double_envelope(wire, claude_simulator):
    """`result.error` is the whole envelope with details; its request id is null before execution, a worker's after."""
    _, batch = wire.json("POST", PATH, {"requests": [{"custom_id": "a", "params": {}}]})
    assert wire.json("GET", f"{PATH}/{batch['id']}")[1]["request_counts"]["errored"] == 1
    row = json.loads(wire.call("GET", f"{PATH}/{batch['id']}/results")[1])
    assert row["result"]["type"] == "errored"
    assert row["result"]["error"]["type"] == "error"
    assert row["result"]["error"]["request_id"] is None
    assert row["result"]["error"]["error"]["details"] == {"error_visibility": "user_facing"}
    claude_simulator.behaviour(errored=1)
    _, batch = wire.json("POST", PATH, {"requests": requests(1)})
    wire.json("GET", f"{PATH}/{batch['id']}")
    row = json.loads(wire.call("GET", f"{PATH}/{batch['id']}/results")[1])
    assert row["result"]["error"]["request_id"].startswith("workerreq_")
    assert row["result"]["error"]["error"]["type"] == "api_error"


def test_long_output_needs_the_beta_of_the_batch(rows):
    """`output-300k-2026-03-24` is a header of the batch and raises the cap of its rows."""
    asked = [{"custom_id": "a", "params": params(max_tokens=300_000)}]
    assert rows(asked)["a"].type == "errored"
    assert rows(asked, extra_headers={"anthropic-beta": "output-300k-2026-03-24"})["a"].type == "succeeded"


def test_old_version_takes_neutral_sampling_parameters(rows):
    """On 2023-06-01 `temperature` may be 1; on 2026-10-21 it may not be given at all."""
    asked = [
        {"custom_id": "one", "params": params(temperature=1)},
        {"custom_id": "zero", "params": params(temperature=0)},
    ]
    old = rows(asked, extra_headers={"anthropic-version": "2023-06-01"})
    assert (old["one"].type, old["zero"].type) == ("succeeded", "errored")
    assert rows(asked)["one"].type == "errored"
