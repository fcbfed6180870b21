"""Bills, misbehaviour and the prompt cache."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from tests.simulator.conftest import MODEL, params, requests

LONG_SYSTEM = "Read the mail with care. " * 200


def _cached(count: int = 1, ttl: str = "1h") -> list:
    system = [{"type": "text", "text": LONG_SYSTEM, "cache_control": {"type": "ephemeral", "ttl": ttl}}]
    return requests(count, system=system)


def _usage(result):
    return result.message.usage


def test_batches_cost_half(client, rows, claude_simulator):
    """The same request costs half as much in a batch, to the last picodollar."""
    message = client.messages.create(**params())
    (result,) = rows([{"custom_id": "a", "params": params()}]).values()
    books = claude_simulator.books()
    assert _usage(result).input_tokens == message.usage.input_tokens
    half = Decimal(books["messages"]["cost_usd"]) - message.usage.output_tokens * Decimal("0.5e-6")
    batch = Decimal(books["batches_total"]["cost_usd"]) - _usage(result).output_tokens * Decimal("0.25e-6")
    assert half == 2 * batch == message.usage.input_tokens * Decimal("0.1e-6")


def test_haiku_is_dearer_above_100k_tokens(rows, claude_simulator):
    """A prompt of more than 100,000 tokens reprices the whole request."""
    (result,) = rows([{"custom_id": "a", "params": params("word " * 80_000)}]).values()
    usage = _usage(result)
    assert usage.input_tokens > 100_000
    cost = usage.input_tokens * Decimal("0.25e-6") + usage.output_tokens * Decimal("1.25e-6")
    assert Decimal(claude_simulator.books()["total"]["cost_usd"]) == cost


def test_only_succeeded_rows_are_billed(rows, claude_simulator):
    """Errored and expired rows are free, and so are refusals before any output."""
    claude_simulator.behaviour(errored=0.2, expired=0.2, refusal=0.2)
    results = rows(requests(200)).values()
    kinds = [result.type for result in results]
    refused = sum(result.type == "succeeded" and result.message.stop_reason == "refusal" for result in results)
    total = claude_simulator.books()["total"]
    assert kinds.count("errored") > 10
    assert kinds.count("expired") > 10
    assert refused > 10
    assert total["requests"] == kinds.count("succeeded") - refused
    assert total["free"] == refused


def test_a_refusal_midway_is_billed(rows, claude_simulator):
    """It has output, and a price; both kinds have `stop_details`."""
    claude_simulator.behaviour(refusal_midway=1)
    (result,) = rows(requests(1)).values()
    assert result.type == "succeeded"
    assert result.message.stop_reason == "refusal"
    assert result.message.stop_details.type == "refusal"
    assert claude_simulator.books()["total"]["requests"] == 1


def test_batch_usage_names_the_batch_tier(rows):
    """`service_tier` is "batch" in rows."""
    (result,) = rows(requests(1)).values()
    assert _usage(result).service_tier == "batch"


def test_enum_case_may_drift(rows, claude_simulator):
    """Structured outputs do not promise the letter case of enums."""
    claude_simulator.behaviour(case_drift=1)
    (result,) = rows(requests(1)).values()
    assert json.loads(result.message.content[0].text)["sentiment"] == "POSITIVE"


def test_truncated_and_invalid_answers(rows, claude_simulator):
    """Shares of answers that are cut, or are no JSON."""
    claude_simulator.behaviour(truncated=0.5, invalid_json=0.5)
    messages = [result.message for result in rows(requests(40)).values()]
    cut = [message for message in messages if message.stop_reason == "max_tokens"]
    assert 5 < len(cut) < 35
    for message in messages:
        try:
            json.loads(message.content[0].text)
        except json.JSONDecodeError:
            continue
        raise AssertionError(message.content)


def test_rows_can_go_missing_or_come_twice(client, claude_simulator):
    """What the API does not do, but a pipeline should notice."""
    claude_simulator.behaviour(missing=0.3, duplicated=0.3)
    batch = client.messages.batches.create(requests=requests(100))
    client.messages.batches.retrieve(batch.id)
    ids = [row.custom_id for row in client.messages.batches.results(batch.id)]
    assert len(set(ids)) < 100
    assert len(ids) > len(set(ids))


def test_chance_does_not_depend_on_order(rows, claude_simulator):
    """The same custom ids are refused whatever the order of the requests."""

    def refused(batch_requests):
        return {name for name, result in rows(batch_requests).items() if result.message.stop_reason == "refusal"}

    claude_simulator.behaviour(refusal=0.3)
    first = refused(requests(50))
    assert 0 < len(first) < 50
    assert refused(requests(50)[::-1]) == first
    claude_simulator.seed(1)
    assert refused(requests(50)) != first


def test_what_fails_in_passing_may_succeed_on_a_resend(rows, claude_simulator):
    """Errored rows are drawn anew for each batch."""
    claude_simulator.behaviour(errored=0.5)
    first = {name for name, result in rows(requests(40)).items() if result.type == "errored"}
    again = {name for name, result in rows(requests(40)).items() if result.type == "errored"}
    assert first != again


def test_deleted_batches_stay_in_the_books(client, claude_simulator):
    """They were paid for."""
    batch_id = client.messages.batches.create(requests=requests(2)).id
    client.messages.batches.retrieve(batch_id)
    client.messages.batches.delete(batch_id)
    assert claude_simulator.books()["batches"][batch_id]["requests"] == 2


def test_same_content_is_noticed_under_other_ids(client, rows, claude_simulator):
    """`billed_twice` wants the same id, `same_content` only the same params, sync messages included."""
    rows([{"custom_id": "a", "params": params()}])
    rows([{"custom_id": "b", "params": params()}])
    books = claude_simulator.books()
    assert books["billed_twice"]["requests"] == 0
    assert books["same_content"]["requests"] == 1


def test_a_primed_prefix_is_read_from_the_cache(rows, claude_simulator):
    """A one-request batch writes the prefix, a later batch reads it."""
    (primer,) = rows(_cached(1)).values()
    written = _usage(primer).cache_creation.ephemeral_1h_input_tokens
    assert written > 512
    claude_simulator.advance(600)
    usages = [_usage(result) for result in rows(_cached(50)).values()]
    hits = [usage for usage in usages if usage.cache_read_input_tokens == written]
    assert len(hits) > 40
    assert all(usage.cache_creation_input_tokens == 0 for usage in hits)


def test_a_cold_batch_reads_less(rows):
    """Requests of one batch run side by side, so many write the same prefix."""
    usages = [_usage(result) for result in rows(_cached(60)).values()]
    hits = sum(usage.cache_read_input_tokens > 0 for usage in usages)
    assert 10 < hits < 50


def test_cache_entries_end_with_their_lifetime(rows, claude_simulator):
    """A five-minute entry is gone after six minutes; its tokens are counted apart."""
    (primer,) = rows(_cached(1, "5m")).values()
    assert _usage(primer).cache_creation.ephemeral_5m_input_tokens > 512
    claude_simulator.advance(360)
    (late,) = rows(_cached(1, "5m")).values()
    assert _usage(late).cache_read_input_tokens == 0


@pytest.fixture
def timed(client, claude_simulator):
    """The rows of a batch that takes so many simulated seconds."""
    claude_simulator.behaviour(cache_hit=1.0, cold_cache_hit=1.0)

    def ask(seconds, asked):
        claude_simulator.pace(f"seconds:{seconds}")
        batch = client.messages.batches.create(requests=asked)
        claude_simulator.advance(seconds + 1)
        client.messages.batches.retrieve(batch.id)
        return {row.custom_id: row.result for row in client.messages.batches.results(batch.id)}

    return ask


def _hits(results):
    return sum(_usage(result).cache_read_input_tokens > 0 for result in results.values())


def test_a_hit_renews_an_entry(timed):
    """An entry of five minutes lasts through a batch of an hour whose requests follow one another closely."""
    assert _hits(timed(3600, _cached(60, "5m"))) == 59


def test_an_entry_is_gone_between_requests_that_are_too_far_apart(timed):
    """Ten requests in two hours: twelve minutes lie between two."""
    assert _hits(timed(7200, _cached(10, "5m"))) == 0
    assert _hits(timed(7200, _cached(10, "1h"))) == 9


def test_what_starts_before_the_writer_has_answered_finds_nothing(timed):
    """A hundred requests in twenty seconds: ten start within the two seconds of the first answer."""
    assert _hits(timed(20, _cached(100))) == 90


def test_a_batch_finds_what_one_before_it_used_last(timed):
    """An hour counts from the last request of the first batch, not from its start."""
    timed(3500, _cached(60))
    assert _hits(timed(60, _cached(5))) == 5


def test_a_marker_is_no_part_of_the_prefix(rows, claude_simulator):
    """What was written for an hour is found by requests that would cache it for five minutes."""
    claude_simulator.behaviour(cache_hit=1.0)
    rows(_cached(1, "1h"))
    assert _hits(rows(_cached(3, "5m"))) == 3


@pytest.mark.parametrize(("task", "found"), [("Label it.", 3), ("Translate it.", 0)])
def test_a_marked_call_caches_what_stands_before_it(rows, claude_simulator, task, found):
    """The first turn, a plain text, is part of the prefix."""
    claude_simulator.behaviour(cache_hit=1.0)

    def asked(task, count):
        control = {"type": "ephemeral", "ttl": "1h"}
        call = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}, "cache_control": control}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a row"}
        messages = [
            {"role": "user", "content": task},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ]
        tools = [{"name": "read", "description": "Reads.", "input_schema": {"type": "object", "properties": {}}}]
        return requests(count, system=LONG_SYSTEM, messages=messages, tools=tools)

    assert _hits(rows(asked("Label it.", 1))) == 0
    claude_simulator.behaviour(cold_cache_hit=0.0)
    assert _hits(rows(asked(task, 3))) == found


def test_a_sync_call_warms_nothing_for_batches(client, rows):
    """The channels do not share their caches."""
    for _ in range(2):
        message = client.messages.create(**_cached(1)[0]["params"])
    assert message.usage.cache_read_input_tokens > 512
    (result,) = rows(_cached(1)).values()
    assert _usage(result).cache_read_input_tokens == 0


def test_short_prefixes_are_not_cached(rows):
    """Below the model's minimum both counters stay 0."""
    system = [{"type": "text", "text": "Short.", "cache_control": {"type": "ephemeral"}}]
    (result,) = rows(requests(1, system=system)).values()
    assert _usage(result).cache_creation_input_tokens == 0


def test_reset_forgets_everything(client, claude_simulator):
    """Batches, books, knobs."""
    claude_simulator.pace("polls:3")
    client.messages.batches.create(requests=requests(1))
    claude_simulator.reset()
    assert client.messages.batches.list().data == []
    assert claude_simulator.books()["total"]["requests"] == 0
    assert claude_simulator.control("GET", "/knobs")["pace"] == "instant"
    assert MODEL in {model.id for model in client.models.list()}
