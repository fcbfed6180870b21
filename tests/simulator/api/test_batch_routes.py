"""The life of a batch, over real HTTP with the official SDK."""

from __future__ import annotations

import json
from datetime import timedelta

import anthropic
import pytest

from tests.simulator.conftest import params, requests

DAY = 24 * 3600


def test_created_batch_is_in_progress_and_everything_is_processing(client):
    """The answer to a create shows all requests in `processing`, whatever the pace."""
    batch = client.messages.batches.create(requests=requests(3))
    assert batch.id.startswith("msgbatch_")
    assert batch.processing_status == "in_progress"
    assert batch.request_counts.processing == 3
    assert batch.results_url is None
    assert batch.ended_at is None


def test_expires_exactly_24_hours_after_creation(client):
    """`expires_at` is `created_at` + 24 h, and times carry microseconds and Z."""
    batch = client.messages.batches.create(requests=requests(1))
    assert batch.expires_at - batch.created_at == timedelta(hours=24)


def test_timestamps_have_microseconds_and_z(wire):
    """Times are RFC 3339 in UTC."""
    _, batch = wire.json("POST", "/v1/messages/batches", {"requests": requests(1)})
    assert len(batch["created_at"]) == len("2026-11-22T09:00:00.100000Z")
    assert batch["created_at"].endswith("Z")


def test_instant_batch_has_ended_at_the_first_look(client):
    """At `instant` pace a small batch needs one poll."""
    batch = client.messages.batches.create(requests=requests(3))
    batch = client.messages.batches.retrieve(batch.id)
    assert batch.processing_status == "ended"
    assert batch.request_counts.succeeded == 3
    assert batch.request_counts.processing == 0


def test_polls_pace_ends_at_that_poll(client, claude_simulator):
    """`polls:3` ends at the third retrieve; until then counts are frozen in `processing`."""
    claude_simulator.pace("polls:3")
    batch_id = client.messages.batches.create(requests=requests(4)).id
    seen = [client.messages.batches.retrieve(batch_id) for _ in range(3)]
    assert [batch.processing_status for batch in seen] == ["in_progress", "in_progress", "ended"]
    assert seen[1].request_counts.processing == 4


def test_seconds_pace_follows_the_simulated_clock(client, claude_simulator):
    """`seconds:600` ends after 600 simulated seconds, which cost no real ones."""
    claude_simulator.pace("seconds:600")
    batch_id = client.messages.batches.create(requests=requests(2)).id
    claude_simulator.advance(590)
    assert client.messages.batches.retrieve(batch_id).processing_status == "in_progress"
    claude_simulator.advance(20)
    batch = client.messages.batches.retrieve(batch_id)
    assert batch.processing_status == "ended"
    assert (batch.ended_at - batch.created_at).total_seconds() == pytest.approx(600, abs=1e-3)


def test_progressive_counts_are_a_knob(client, claude_simulator):
    """Counters move before the end only if told to."""
    claude_simulator.pace("seconds:1000")
    claude_simulator.control("POST", "/knobs", {"progressive": True})
    batch_id = client.messages.batches.create(requests=requests(10)).id
    claude_simulator.advance(500)
    counts = client.messages.batches.retrieve(batch_id).request_counts
    assert (counts.succeeded, counts.processing) == (5, 5)


def test_results_url_is_absolute_and_on_the_host_that_was_asked(client, claude_simulator):
    """The SDK follows `results_url` with its key, so it must not lead elsewhere."""
    batch_id = client.messages.batches.create(requests=requests(1)).id
    url = client.messages.batches.retrieve(batch_id).results_url
    assert url == f"{claude_simulator.base_url}/v1/messages/batches/{batch_id}/results"


def test_results_are_shuffled_json_lines_in_chunks(client, wire):
    """Rows come in another order than the requests, one JSON object a line, without a blank line."""
    batch_id = client.messages.batches.create(requests=requests(50)).id
    response, body = wire.call("GET", f"/v1/messages/batches/{batch_id}/results")
    assert response.headers["content-type"] == "application/x-jsonl"
    assert response.headers["transfer-encoding"] == "chunked"
    lines = body.split(b"\n")
    assert lines.pop() == b""
    ids = [json.loads(line)["custom_id"] for line in lines]
    assert ids != [f"r{index}" for index in range(50)]
    assert sorted(ids) == sorted(f"r{index}" for index in range(50))


def test_results_before_the_end_are_404(client, claude_simulator, wire):
    """Results of a running batch do not exist yet."""
    claude_simulator.pace("polls:9")
    batch_id = client.messages.batches.create(requests=requests(1)).id
    status, body = wire.json("GET", f"/v1/messages/batches/{batch_id}/results")
    assert status == 404
    assert body["error"]["message"] == f"Message Batch {batch_id} has no available results."


def test_unknown_batch_is_404(client):
    """An unknown id is named in the message."""
    with pytest.raises(anthropic.NotFoundError, match=r"Message Batch msgbatch_nope not found\."):
        client.messages.batches.retrieve("msgbatch_nope")


def test_cancel_goes_through_canceling_to_a_mix(client, claude_simulator):
    """Canceling leaves the counts alone; the end has succeeded and canceled rows."""
    claude_simulator.pace("seconds:1000")
    batch_id = client.messages.batches.create(requests=requests(60)).id
    claude_simulator.advance(500)
    batch = client.messages.batches.cancel(batch_id)
    assert batch.processing_status == "canceling"
    assert batch.cancel_initiated_at is not None
    assert batch.request_counts.processing == 60
    claude_simulator.advance(30)
    batch = client.messages.batches.retrieve(batch_id)
    assert batch.processing_status == "ended"
    assert batch.request_counts.succeeded + batch.request_counts.canceled == 60
    assert 10 < batch.request_counts.canceled < 50
    kinds = [row.result.type for row in client.messages.batches.results(batch_id)]
    assert kinds.count("canceled") == batch.request_counts.canceled


@pytest.mark.parametrize(("pace", "looks"), [("seconds:1000", 1), ("polls:3", 2)])
def test_a_cancel_without_effect_shows_canceling_and_changes_nothing_else(client, claude_simulator, pace, looks):
    """The batch ends when it would have ended anyway, with all its rows."""
    claude_simulator.pace(pace)
    batch_id = client.messages.batches.create(requests=requests(6)).id
    claude_simulator.fault("cancel_has_no_effect")
    client.messages.batches.cancel(batch_id)
    client.messages.batches.cancel(batch_id)
    claude_simulator.advance(100)
    for _ in range(looks):
        assert client.messages.batches.retrieve(batch_id).processing_status == "canceling"
    claude_simulator.advance(1000)
    assert client.messages.batches.retrieve(batch_id).request_counts.succeeded == 6


def test_canceling_an_ended_batch_is_refused(client):
    """A batch that has ended cannot be canceled any more."""
    batch_id = client.messages.batches.create(requests=requests(1)).id
    client.messages.batches.retrieve(batch_id)
    with pytest.raises(anthropic.BadRequestError, match="already ended"):
        client.messages.batches.cancel(batch_id)


def test_stuck_batch_expires_half_done(client, claude_simulator):
    """After 24 h what was not processed is `expired`; the batch itself is `ended`."""
    claude_simulator.pace("lognormal:300,0.5,1.0")
    batch_id = client.messages.batches.create(requests=requests(60)).id
    claude_simulator.advance(DAY + 1)
    batch = client.messages.batches.retrieve(batch_id)
    assert batch.processing_status == "ended"
    assert batch.ended_at == batch.expires_at
    assert 10 < batch.request_counts.expired < 50
    assert batch.request_counts.expired + batch.request_counts.succeeded == 60


def test_results_go_away_29_days_after_creation(client, claude_simulator):
    """An archived batch is still listed, its results are gone."""
    batch_id = client.messages.batches.create(requests=requests(1)).id
    client.messages.batches.retrieve(batch_id)
    claude_simulator.advance(29 * DAY)
    batch = client.messages.batches.retrieve(batch_id)
    assert batch.archived_at == batch.created_at + timedelta(days=29)
    assert batch.results_url is None
    assert [one.id for one in client.messages.batches.list()] == [batch_id]
    with pytest.raises(anthropic.AnthropicError):
        client.messages.batches.results(batch_id)


def test_running_batch_cannot_be_deleted(client, claude_simulator):
    """Deletion needs an end first; then the batch is unknown."""
    claude_simulator.pace("polls:2")
    batch_id = client.messages.batches.create(requests=requests(1)).id
    with pytest.raises(anthropic.BadRequestError, match="In progress batches cannot be deleted"):
        client.messages.batches.delete(batch_id)
    for _ in range(2):
        client.messages.batches.retrieve(batch_id)
    assert client.messages.batches.delete(batch_id).type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(batch_id)


def test_instant_batches_have_ended_in_the_list_too(client):
    """The list is a look like any other: it waits for results that are due."""
    for size in (200, 100, 1):
        client.messages.batches.create(requests=requests(size))
    assert {batch.processing_status for batch in client.messages.batches.list()} == {"ended"}


def test_list_is_paged_newest_first(client, claude_simulator):
    """Pages by after_id and before_id; the SDK walks them all."""
    claude_simulator.pace("polls:9")
    created = []
    for _ in range(5):
        claude_simulator.advance(1)
        created.append(client.messages.batches.create(requests=requests(1)).id)
    newest = created[::-1]
    assert [batch.id for batch in client.messages.batches.list(limit=2)] == newest
    page = client.messages.batches.list(limit=2, after_id=newest[1])
    assert [batch.id for batch in page.data] == newest[2:4]
    assert page.has_more
    before = client.messages.batches.list(limit=2, before_id=newest[3])
    assert [batch.id for batch in before.data] == newest[1:3]


@pytest.mark.parametrize("limit", [0, 1001, "many"])
def test_list_limit_is_1_to_1000(wire, limit):
    """A limit out of range is a 400."""
    assert wire.json("GET", f"/v1/messages/batches?limit={limit}")[0] == 400


def test_default_page_is_20(client, claude_simulator):
    """Without a limit a page has 20."""
    claude_simulator.pace("polls:9")
    for _ in range(21):
        client.messages.batches.create(requests=requests(1))
    assert len(client.messages.batches.list().data) == 20


def test_workspaces_do_not_see_each_other(claude_simulator):
    """A key of another workspace gets 404 and an empty list; any key of the same sees all."""
    how = {"base_url": claude_simulator.base_url, "max_retries": 0}
    mine, also_mine, other = (anthropic.Anthropic(api_key=key, **how) for key in ("a@red", "b@red", "c@blue"))
    batch_id = mine.messages.batches.create(requests=requests(1)).id
    assert also_mine.messages.batches.retrieve(batch_id).id == batch_id
    assert other.messages.batches.list().data == []
    with pytest.raises(anthropic.NotFoundError):
        other.messages.batches.retrieve(batch_id)


def test_in_progress_answers_carry_retry_after(wire, claude_simulator):
    claude_simulator.retry_after(10)
    """A poll of a running batch is told to come back in 10 s."""
    claude_simulator.pace("polls:2")
    _, batch = wire.json("POST", "/v1/messages/batches", {"requests": requests(1)})
    path = f"/v1/messages/batches/{batch['id']}"
    running, _ = wire.call("GET", path)
    ended, _ = wire.call("GET", path)
    assert running.headers["retry-after"] == "10"
    assert ended.headers["retry-after"] is None


def test_same_batch_twice_is_two_batches(client):
    """There is no idempotency: an identical create is a second, billed batch."""
    body = [{"custom_id": "a", "params": params()}]
    first, second = (client.messages.batches.create(requests=body) for _ in range(2))
    assert first.id != second.id


async def _round_trip(base_url: str) -> list[str]:
    async with anthropic.AsyncAnthropic(api_key="k", base_url=base_url, max_retries=0) as client:
        batch = await client.messages.batches.create(requests=requests(5))
        batch = await client.messages.batches.retrieve(batch.id)
        assert batch.processing_status == "ended"
        return sorted([row.custom_id async for row in await client.messages.batches.results(batch.id)])


def test_the_async_sdk_works_too(claude_simulator):
    """Create, retrieve and results through AsyncAnthropic."""
    import asyncio

    assert asyncio.run(_round_trip(claude_simulator.base_url)) == [f"r{index}" for index in range(5)]
