"""Keys, versions, headers, faults and rate limits."""

from __future__ import annotations

import json
import urllib.request

import anthropic
import httpx2
import pytest

from airflow_provider_claude.simulator.process import SimulatorError
from tests.simulator.conftest import params, requests

BATCHES = "/v1/messages/batches"


@pytest.mark.parametrize("headers", [{"authorization": "Bearer k"}, {"authorization": "", "x-api-key": "k"}])
def test_both_key_headers_are_accepted(wire, headers):
    """Bearer and x-api-key."""
    assert wire.json("GET", BATCHES, headers=headers)[0] == 200


@pytest.mark.parametrize("key", ["", "Bearer ", "Bearer bad-key", "Basic k"])
def test_other_keys_are_401(wire, key):
    """No key, or one that starts with "bad"."""
    status, body = wire.json("GET", BATCHES, headers={"authorization": key})
    assert status == 401
    assert body["error"] == {"type": "authentication_error", "message": "API key is invalid."}


@pytest.mark.parametrize("version", ["2020-01-01", ""])
def test_an_unknown_version_is_400(wire, version):
    """Only the two versions there are."""
    assert wire.json("GET", BATCHES, headers={"anthropic-version": version})[0] == 400


def test_every_answer_names_request_organization_and_workspace(wire):
    """Errors too."""
    for path in (BATCHES, f"{BATCHES}/msgbatch_nope"):
        response, _ = wire.call("GET", path, headers={"anthropic-workspace-id": "wrkspc_red"})
        assert response.headers["request-id"].startswith("req_")
        assert response.headers["anthropic-organization-id"]
        assert response.headers["anthropic-workspace-id"] == "wrkspc_red"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("error_500", anthropic.InternalServerError),
        ("error_504", anthropic.InternalServerError),
        ("error_529", anthropic.InternalServerError),
        ("rate_limit", anthropic.RateLimitError),
        ("rate_limit_bare", anthropic.RateLimitError),
        ("spend_limit", anthropic.RateLimitError),
        ("ramp_limit", anthropic.RateLimitError),
        ("bad_key", anthropic.AuthenticationError),
        ("permission", anthropic.PermissionDeniedError),
        ("billing", anthropic.APIStatusError),
        ("reset_before_accept", anthropic.APIConnectionError),
    ],
)
def test_a_fault_strikes_as_often_as_asked(client, claude_simulator, fault, error):
    """Twice, and the third call is fine; nothing was created."""
    claude_simulator.fault(fault, times=2, route="create")
    for _ in range(2):
        with pytest.raises(error):
            client.messages.batches.create(requests=requests(1))
    assert len(client.messages.batches.list().data) == 0
    client.messages.batches.create(requests=requests(1))
    assert claude_simulator.calls()["create"] == 3


@pytest.mark.parametrize(
    ("fault", "code", "retry_after"),
    [
        ("rate_limit", None, "7"),
        ("rate_limit_bare", None, None),
        ("ramp_limit", "ramp_limit_exceeded", "7"),
        ("spend_limit", "enforced_spend_limit_reached", None),
    ],
)
def test_the_429_flavours_differ(client, claude_simulator, fault, code, retry_after):
    """By `retry-after` and `details.error_code`."""
    claude_simulator.fault(fault, retry_after=7)
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.batches.list()
    assert caught.value.response.headers.get("retry-after") == retry_after
    assert caught.value.body["error"].get("details", {}).get("error_code") == code


def test_reset_after_accept_leaves_a_batch_behind(client, claude_simulator):
    """The caller sees a lost connection, the batch exists: the trap of retried creates."""
    claude_simulator.fault("reset_after_accept", route="create")
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.batches.create(requests=requests(2))
    (batch,) = client.messages.batches.list().data
    assert client.messages.batches.retrieve(batch.id).request_counts.succeeded == 2


def test_a_504_after_accept_leaves_a_batch_behind_and_it_can_hang(client, claude_simulator):
    """The caller sees a 504, the batch exists and does not end."""
    claude_simulator.fault("batch_hangs")
    claude_simulator.fault("error_504_after_accept", route="create")
    with pytest.raises(anthropic.InternalServerError, match="504"):
        client.messages.batches.create(requests=requests(2))
    (batch,) = client.messages.batches.list().data
    assert client.messages.batches.retrieve(batch.id).processing_status == "in_progress"


def test_a_retrying_sdk_then_pays_twice(claude_simulator):
    """The SDK's own retry of a lost create makes a second batch, and the books show it."""
    claude_simulator.fault("reset_after_accept", route="create")
    client = anthropic.Anthropic(api_key="k", base_url=claude_simulator.base_url, max_retries=1)
    client.messages.batches.create(requests=requests(2))
    for batch in client.messages.batches.list():
        client.messages.batches.retrieve(batch.id)
    assert claude_simulator.books()["billed_twice"]["requests"] == 2


def test_not_found_after_create_passes(client, claude_simulator):
    """A fresh batch may be unknown for a moment."""
    claude_simulator.fault("not_found_after_create")
    batch_id = client.messages.batches.create(requests=requests(1)).id
    with pytest.raises(anthropic.NotFoundError, match=batch_id):
        client.messages.batches.retrieve(batch_id)
    assert client.messages.batches.retrieve(batch_id).id == batch_id


def test_results_can_be_cut_midway(client, claude_simulator):
    """Some rows arrive, then the connection is lost; asked again, all come."""
    batch_id = client.messages.batches.create(requests=requests(3000)).id
    client.messages.batches.retrieve(batch_id)
    claude_simulator.fault("cut_results", share=0.6)
    seen = []
    with pytest.raises((httpx2.TransportError, json.JSONDecodeError)):
        seen.extend(client.messages.batches.results(batch_id))
    assert len(seen) < 3000
    assert sum(1 for _ in client.messages.batches.results(batch_id)) == 3000


def lines_of(claude_simulator, batch_id):
    """The raw lines of the results, with their ends."""
    with urllib.request.urlopen(
        urllib.request.Request(
            f"{claude_simulator.base_url}/v1/messages/batches/{batch_id}/results",
            headers={"x-api-key": "k", "anthropic-version": "2023-06-01"},
        )
    ) as response:
        return response.read().splitlines(keepends=True)


def test_results_can_end_cleanly_and_short_torn_or_name_foreign_ids_and_the_bill_stays(client, claude_simulator):
    """Each fault of the results strikes as often as it was set, or always."""
    batch_id = client.messages.batches.create(requests=requests(10)).id
    client.messages.batches.retrieve(batch_id)
    bill = claude_simulator.books()["total"]
    whole = lines_of(claude_simulator, batch_id)
    names = {json.loads(line)["custom_id"] for line in whole}

    claude_simulator.fault("short_results", share=0.5, times=2)
    for _ in range(2):
        short = lines_of(claude_simulator, batch_id)
        assert short == whole[: len(short)]
        assert 3 <= len(short) <= 6
    assert lines_of(claude_simulator, batch_id) == whole

    claude_simulator.fault("torn_results", share=0.5)
    *before, torn = lines_of(claude_simulator, batch_id)
    assert before == short
    assert whole[len(short)].startswith(torn)
    assert not torn.endswith(b"\n")

    claude_simulator.fault("strange_results", times=None)
    for _ in range(3):
        foreign = {json.loads(line)["custom_id"] for line in lines_of(claude_simulator, batch_id)}
        assert len(foreign) == 10
        assert not foreign & names
    claude_simulator.clear_faults()

    claude_simulator.fault("extra_results")
    assert lines_of(claude_simulator, batch_id)[:10] == whole
    assert claude_simulator.books()["total"] == bill


def test_an_ended_batch_can_count_nothing(client, claude_simulator):
    """Its counts are back at the next look."""
    batch_id = client.messages.batches.create(requests=requests(3)).id
    client.messages.batches.retrieve(batch_id)
    claude_simulator.fault("zero_counts")
    assert client.messages.batches.retrieve(batch_id).request_counts.succeeded == 0
    assert client.messages.batches.retrieve(batch_id).request_counts.succeeded == 3


def test_slow_answers_are_slow(claude_simulator):
    """A `slow` answer outlasts a short timeout."""
    claude_simulator.fault("slow", seconds=0.5)
    client = anthropic.Anthropic(api_key="k", base_url=claude_simulator.base_url, max_retries=0, timeout=0.1)
    with pytest.raises(anthropic.APITimeoutError):
        client.messages.batches.list()


def test_unknown_faults_and_routes_are_refused(claude_simulator):
    """With the names there are."""
    with pytest.raises(SimulatorError, match="error_529"):
        claude_simulator.fault("error_418")
    with pytest.raises(SimulatorError, match="only results"):
        claude_simulator.fault("cut_results", route="create")


def test_batch_routes_carry_request_limits_only(wire):
    """`anthropic-ratelimit-requests-*`, and no token meters."""
    response, _ = wire.call("GET", BATCHES)
    assert response.headers["anthropic-ratelimit-requests-limit"]
    assert response.headers["anthropic-ratelimit-tokens-limit"] is None


def test_messages_carry_the_whole_set(wire, claude_simulator):
    """Requests, tokens, input and output tokens; what remains of tokens is rounded to thousands."""
    claude_simulator.tier("start")
    response, _ = wire.call("POST", "/v1/messages", params("word " * 2000))
    for meter in ("requests", "tokens", "input-tokens", "output-tokens"):
        for part in ("limit", "remaining", "reset"):
            assert response.headers[f"anthropic-ratelimit-{meter}-{part}"]
    assert response.headers["anthropic-ratelimit-input-tokens-limit"] == "2000000"
    assert int(response.headers["anthropic-ratelimit-input-tokens-remaining"]) % 1000 == 0


def test_rate_limits_end_and_refill(client, claude_simulator):
    """The input meter of a tier is used up by long prompts, and a simulated minute later there is room again."""
    claude_simulator.tier("start")
    long = params("word " * 400_000)
    for _ in range(3):
        client.messages.create(**long)
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.create(**long)
    assert int(caught.value.response.headers["retry-after"]) > 0
    claude_simulator.advance(60)
    client.messages.create(**long)


def test_the_processing_queue_is_capped_across_batches(client, claude_simulator):
    """200,000 requests may wait on tier start; what is over is 429 until batches have ended."""
    claude_simulator.control("POST", "/knobs", {"tier": "start", "pace": "polls:1"})
    ids = []
    for part in range(2):
        body = b",".join(b'{"custom_id":"c%d-%d","params":{}}' % (part, i) for i in range(100_000))
        answer = client.post(BATCHES, cast_to=object, content=b'{"requests":[' + body + b"]}")
        ids.append(answer["id"])
    with pytest.raises(anthropic.RateLimitError, match="queue"):
        client.messages.batches.create(requests=requests(1))


def test_unknown_paths_are_404(wire):
    """In the API's envelope."""
    status, body = wire.json("GET", "/v1/nothing")
    assert (status, body["error"]["type"]) == (404, "not_found_error")
