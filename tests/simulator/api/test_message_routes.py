"""Messages, count_tokens and models."""

from __future__ import annotations

import json

import anthropic
import pytest

from tests.simulator.conftest import MODEL, SENTIMENT, params

TOOL = {"name": "answer", "description": "Answer.", "input_schema": SENTIMENT}


def test_an_answer_fits_its_schema_and_its_text(client):
    """The text block holds JSON that VADER filled in; the tier is standard."""
    message = client.messages.create(**params("I love this wonderful product!"))
    answer = json.loads(message.content[0].text)
    assert answer["sentiment"] == "positive"
    assert 0 < answer["confidence"] <= 1
    assert answer["summary"].startswith("I love this")
    assert message.stop_reason == "end_turn"
    assert message.usage.service_tier == "standard"


@pytest.mark.parametrize(
    ("prompt", "label"),
    [
        (f"<mail>{json.dumps('I hate this <b>awful</b> thing')}</mail>".replace("<b>", "\\u003cb>"), "negative"),
        ("<mail>What a lovely, great day</mail>", "positive"),
        ("It is a table.", "neutral"),
    ],
)
def test_sentiment_is_that_of_the_item(client, prompt, label):
    """JSON string literals and tags around a text do not hide it."""
    message = client.messages.create(**params(prompt))
    assert json.loads(message.content[0].text)["sentiment"] == label


TOOLS = [{"name": "read", "description": "Reads.", "input_schema": {"type": "object", "properties": {}}}]
CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "read", "input": {}}]}


def result(content, name="t"):
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": name, "content": content}]}


def with_result(content):
    """A request whose one tool was called, and returned *content*."""
    asked = params("How does its text feel?")
    return {**asked, "messages": [*asked["messages"], CALL, result(content)], "tools": TOOLS}


@pytest.mark.parametrize(
    "content",
    [
        "terrible, horrible, bad",
        f"<untrusted id='1'>{json.dumps({'a': 'It is', 'b': 'terrible {so} bad', 'c': None})}</untrusted id='1'>",
    ],
)
def test_sentiment_is_that_of_a_tool_result(client, content):
    """A tool result is the item, also as an object of strings between tags."""
    asked = {**with_result(content), "tool_choice": {"type": "none"}}
    assert json.loads(client.messages.create(**asked).content[0].text)["sentiment"] == "negative"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tools": []}, None),
        ({"tools": None}, "must define tools"),
        ({"messages": [{"role": "user", "content": "?"}, result("x")]}, "unexpected `tool_use_id`"),
        ({"messages": [{"role": "user", "content": "?"}, CALL, result("x", "other")]}, "unexpected `tool_use_id`"),
        ({"messages": [{"role": "user", "content": "?"}, CALL, {"role": "user", "content": "x"}]}, "without `tool_res"),
    ],
)
def test_a_tool_result_without_its_call_is_refused(client, changes, says):
    """As the API has it: each result answers a call of the turn before, and what is called is defined."""
    asked = {name: value for name, value in {**with_result("x"), **changes}.items() if value is not None}
    if says is None:
        client.messages.create(**asked)
        return
    with pytest.raises(anthropic.BadRequestError, match=says):
        client.messages.create(**asked)


def test_a_call_and_its_result_cost_tokens(client):
    """The hidden tokens of tools are counted, and so is what the call says."""
    plain = client.messages.count_tokens(
        model="claude-haiku-5-5", messages=params("How does its text feel?")["messages"]
    )
    asked = {name: value for name, value in with_result("x").items() if name in {"model", "messages", "tools"}}
    assert client.messages.count_tokens(**asked).input_tokens - plain.input_tokens > 496


def test_same_request_same_answer(client, claude_simulator):
    """Chance comes from the seed and the text, not from the order of calls."""
    first = client.messages.create(**params("One")).content
    client.messages.create(**params("Two"))
    assert client.messages.create(**params("One")).content == first


def test_thinking_comes_first_unless_disabled(client):
    """Adaptive thinking is the default: an empty thinking block with a signature, then the text."""
    message = client.messages.create(**params(thinking=None, max_tokens=2000))
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].thinking == ""
    assert message.content[0].signature
    assert message.usage.output_tokens_details.thinking_tokens > 0


def test_thinking_can_use_up_max_tokens(client):
    """A small max_tokens goes into thinking, and no text is left."""
    message = client.messages.create(**params(thinking=None, max_tokens=5))
    assert message.stop_reason == "max_tokens"
    assert [block.type for block in message.content] == ["thinking"]
    assert message.usage.output_tokens == 5


def test_an_answer_that_does_not_fit_is_cut(client):
    """`max_tokens` cuts the JSON in the middle."""
    message = client.messages.create(**params(max_tokens=5))
    assert message.stop_reason == "max_tokens"
    with pytest.raises(json.JSONDecodeError):
        json.loads(message.content[0].text)


def test_forced_tool_use_gives_an_object(client):
    """With a forced tool there is no thinking block, and `input` fits the tool's schema."""
    message = client.messages.create(
        **params(thinking=None, output_config=None, tools=[TOOL], tool_choice={"type": "tool", "name": "answer"})
    )
    assert message.stop_reason == "tool_use"
    assert [block.type for block in message.content] == ["tool_use"]
    assert message.content[0].input["sentiment"] == "positive"


def test_some_models_refuse_forced_tools(client):
    """Opus 5.5 does not take `tool_choice` of type tool."""
    with pytest.raises(anthropic.BadRequestError, match="not supported for this model"):
        client.messages.create(
            **params(
                model="claude-opus-5-5",
                thinking=None,
                output_config=None,
                tools=[TOOL],
                tool_choice={"type": "tool", "name": "answer"},
            )
        )


def test_without_a_schema_the_answer_is_prose(client):
    """Free text, and stop sequences cut it."""
    message = client.messages.create(**params("A great day.", output_config=None))
    assert "positive" in message.content[0].text
    cut = client.messages.create(**params("A great day.", output_config=None, stop_sequences=["begins"]))
    assert (cut.stop_reason, cut.stop_sequence) == ("stop_sequence", "begins")
    assert "begins" not in cut.content[0].text


def test_max_tokens_0_is_taken_on_the_sync_route(client):
    """It warms the cache and says nothing."""
    assert client.messages.create(**params(max_tokens=0)).content == []


def test_input_tokens_are_about_a_token_for_three_and_a_half_bytes(client):
    """The same number from count_tokens and from usage."""
    text = "word " * 1000
    message = client.messages.create(**params(text))
    assert 5000 / 3.5 < message.usage.input_tokens < 5000 / 3.5 + 200
    counted = client.messages.count_tokens(
        model=MODEL,
        messages=[{"role": "user", "content": text}],
        thinking={"type": "disabled"},
        output_config=params()["output_config"],
    )
    assert counted.input_tokens == message.usage.input_tokens


def test_too_long_a_prompt_is_refused(client):
    """A prompt beyond the context window is a 400."""
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
        client.messages.create(**params("word " * 200_000, model="claude-haiku-4-5", thinking=None))


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
def test_sampling_parameters_by_version(wire, version):
    """`temperature` 0 is refused on both versions for this model, 1 only on the new one."""
    for temperature, expected in ((0, 400), (1, 400 if version == "2026-10-21" else 200)):
        body = params(temperature=temperature)
        assert wire.json("POST", "/v1/messages", body, {"anthropic-version": version})[0] == expected


def test_models_are_listed_newest_first(client):
    """Active and deprecated ones; retired ones on request; an alias finds its model."""
    models = list(client.models.list(limit=3))
    assert models[0].id == MODEL
    created = [model.created_at for model in models]
    assert created == sorted(created, reverse=True)
    assert client.models.retrieve("claude-haiku-4-5").id == "claude-haiku-4-5-20251001"
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("claude-nope")


def test_retired_models_are_listed_on_request(wire):
    """`lifecycle=retired`."""
    ids = [model["id"] for model in wire.json("GET", "/v1/models?lifecycle=retired")[1]["data"]]
    assert ids == ["claude-3-haiku-20240307"]
