"""Many items in one request."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from airflow_provider_claude.simulator.model.answer import Setting, answer
from airflow_provider_claude.simulator.model.answer_maker import compile_schema
from airflow_provider_claude.simulator.model.behaviour import Behaviour
from airflow_provider_claude.simulator.model.prompt import read_prompt
from airflow_provider_claude.simulator.model.property_values import Cue, Pack
from airflow_provider_claude.simulator.model.request_params import Terms, read_params
from tests.simulator.conftest import SENTIMENT, params

TEXTS = ["I love it, wonderful!", "This is terrible, I hate it.", "The parcel weighs two kilos."]
LABELS = ["positive", "negative", "neutral"]


def _object(**properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


ELEMENT = _object(id={"type": "string"}, **SENTIMENT["properties"])
PACKED = _object(answers={"type": "array", "items": ELEMENT})


def _prompt(count, nonce="k7"):
    items = "\n".join(
        f'<item id="{nonce}-{number}">{json.dumps(_text(number))}</item>' for number in range(1, count + 1)
    )
    return f"{items}\nLabel each item."


def _text(number):
    return f"{TEXTS[(number - 1) % 3]} No. {number}"


def _packed_params(count, nonce="k7"):
    config = {"format": {"type": "json_schema", "schema": PACKED}}
    return params(_prompt(count, nonce), output_config=config, max_tokens=20_000)


def _answers(count, nonce="k7", seed=0, **shares):
    terms = Terms("standard", "2023-06-01")
    prompt = read_prompt(read_params(json.dumps(_packed_params(count, nonce)).encode()), terms)
    message = answer(prompt, Setting(seed, "", terms, Behaviour(**shares))).message
    return json.loads(message["content"][0]["text"])["answers"]


def _ids(count):
    return [f"k7-{number}" for number in range(1, count + 1)]


def test_each_item_is_answered_from_its_own_text(client):
    """In order, with its id, whatever its neighbours say."""
    message = client.messages.create(**_packed_params(6))
    answers = json.loads(message.content[0].text)["answers"]
    assert [one["id"] for one in answers] == _ids(6)
    assert [one["sentiment"] for one in answers] == LABELS * 2
    assert answers[4]["summary"].startswith("This is terrible")
    assert list(answers[0]) == ["id", "sentiment", "confidence", "summary"]


def test_rows_of_a_batch_are_packed_too(rows):
    """The same answers at half the price."""
    (result,) = rows([{"custom_id": "a", "params": _packed_params(3)}]).values()
    answers = json.loads(result.message.content[0].text)["answers"]
    assert [one["sentiment"] for one in answers] == LABELS


def test_an_answer_does_not_depend_on_its_companions():
    """The same text is answered the same in any pack, under any id."""
    alone, many = _answers(1, "a"), _answers(5, "b")
    assert alone[0] | {"id": ""} == many[0] | {"id": ""}


def test_texts_without_quotes_and_models_with_references(client):
    """Items need not be JSON strings, and the SDK's schemas refer to their parts."""

    class Answer(BaseModel):
        id: str
        sentiment: str

    class Answers(BaseModel):
        answers: list[Answer]

    from anthropic import transform_schema

    prompt = '<item id="x-1">lovely</item> and <item id="x-2" lang="en">a horrible,\nawful thing</item>'
    config = {"format": {"type": "json_schema", "schema": transform_schema(Answers)}}
    message = client.messages.create(**params(prompt, output_config=config))
    answers = Answers.model_validate_json(message.content[0].text).answers
    assert [one.id for one in answers] == ["x-1", "x-2"]


def test_a_forced_tool_is_packed_as_well(client):
    """Its input has the answers."""
    body = _packed_params(3)
    del body["output_config"]
    tool = {"name": "answer", "input_schema": PACKED, "strict": True}
    message = client.messages.create(**body, tools=[tool], tool_choice={"type": "tool", "name": "answer"})
    assert [one["id"] for one in message.content[0].input["answers"]] == _ids(3)


@pytest.mark.parametrize(
    "schema",
    [
        _object(results={"type": "array", "items": ELEMENT}),
        _object(answers={"type": "array", "items": ELEMENT}, note={"type": "string"}),
        _object(answers={"type": "array", "items": SENTIMENT}),
        _object(answers={"type": "array", "items": _object(id={"type": "integer"})}),
    ],
)
def test_other_schemas_are_answered_as_ever(schema):
    """Only an array `answers` of objects with an `id` that is a string, and nothing beside it."""
    made = compile_schema(schema)(Cue("text", 1, pack=Pack(_prompt(9), 0, Behaviour())))
    assert "k7-9" not in json.dumps(made)


def test_a_prompt_without_items_is_answered_as_ever():
    """With an array of some length."""
    made = compile_schema(PACKED)(Cue("I love it", 1, pack=Pack("I love it", 0, Behaviour())))
    assert all(one["sentiment"] == "positive" for one in made["answers"])


def test_elements_can_be_dropped():
    """A share of elements; the others stay as they are."""
    whole, answers = _answers(100), _answers(100, pack_drop=0.3)
    assert 50 < len(answers) < 90
    assert all(one in whole for one in answers)
    assert _answers(100, pack_drop=1) == []


def test_elements_can_come_twice():
    """With the same answer; none is missing."""
    answers = _answers(100, pack_repeat=0.3)
    ids = [one["id"] for one in answers]
    assert list(dict.fromkeys(ids)) == _ids(100)
    assert 110 < len(ids) < 150
    assert all(one in _answers(100) for one in answers)


@pytest.mark.parametrize(("share", "least", "most"), [(0.2, 20, 60), (1, 100, 100)])
def test_ids_can_be_mixed(share, least, most):
    """Two elements have each other's id: all ids are there, and the answers do not belong to them."""
    whole, answers = _answers(100), _answers(100, pack_mix=share)
    wrong = [index for index in range(100) if answers[index]["id"] != whole[index]["id"]]
    assert least <= len(wrong) <= most
    assert sorted(one["id"] for one in answers) == sorted(_ids(100))
    for index in wrong:
        assert answers[index] | {"id": ""} == whole[index] | {"id": ""}
        other = _ids(100).index(answers[index]["id"])
        assert answers[other]["id"] == whole[index]["id"]


def test_one_alone_cannot_be_mixed():
    """There is nobody to mix it with."""
    assert _answers(1, pack_mix=1) == _answers(1)


def test_ids_can_be_forged():
    """An element more, with an id of the same make that was not asked."""
    answers = _answers(100, pack_forge=0.3)
    forged = [one["id"] for one in answers if one["id"] not in _ids(100)]
    assert 15 < len(forged) == len(set(forged)) < 50
    assert all(name.startswith("k7-") for name in forged)
    assert [one for one in answers if one["id"] not in forged] == _answers(100)


def test_slips_come_again_with_the_same_request_only():
    """Under other ids, or with another seed, others slip."""
    shares = {"pack_drop": 0.3, "pack_repeat": 0.1, "pack_mix": 0.1, "pack_forge": 0.1}
    first = _answers(60, **shares)
    assert _answers(60, **shares) == first
    places = {
        tuple(name.split("-")[1] for name in _named(60, nonce, seed))
        for nonce, seed in [("k7", 0), ("q", 0), ("k7", 1)]
    }
    assert len(places) == 3


def _named(count, nonce, seed):
    return [one["id"] for one in _answers(count, nonce, seed, pack_drop=0.3)]


def test_other_misbehaviour_is_of_the_whole_request():
    """Enums drift in all elements or in none."""
    assert {one["sentiment"] for one in _answers(9, case_drift=1)} == {label.upper() for label in LABELS}


def _checked(count, **shares):
    items = "\n".join(
        f'<item id="k7-{number}"><mail>{json.dumps(_text(number))}</mail><check>word{number}</check></item>'
        for number in range(1, count + 1)
    )
    schema = _object(answers={"type": "array", "items": _object(**ELEMENT["properties"], check={"type": "string"})})
    config = {"format": {"type": "json_schema", "schema": schema}}
    terms = Terms("standard", "2023-06-01")
    body = json.dumps(params(items, output_config=config, max_tokens=20_000))
    prompt = read_prompt(read_params(body.encode()), terms)
    message = answer(prompt, Setting(0, "", terms, Behaviour(**shares))).message
    return json.loads(message["content"][0]["text"])["answers"]


def test_a_check_word_stays_with_the_answer():
    """Also where ids are mixed; a forged element has none that was asked."""
    assert [one["check"] for one in _checked(9)] == [f"word{number}" for number in range(1, 10)]
    assert [one["check"] for one in _checked(40, pack_mix=0.3)] == [f"word{number}" for number in range(1, 41)]
    forged = [one for one in _checked(40, pack_forge=0.3) if one["id"] not in _ids(40)]
    assert forged
    assert not any(one["check"].startswith("word") for one in forged)


def test_a_check_word_is_not_part_of_the_text():
    """The answer is that to the item without it."""
    plain = [{**one, "check": ""} for one in _checked(6)]
    assert [{**one, "check": ""} for one in _answers(6)] == plain


def _labels(**shares):
    return [element["sentiment"] for element in _answers(20, **shares)]


def test_a_model_that_leaks_gives_an_element_the_answer_of_the_one_before() -> None:
    steady = _labels()
    assert _labels(pack_leak=1.0) == [steady[0], *steady[:-1]]


def test_a_model_that_fades_reads_the_first_five_elements_with_care() -> None:
    steady, fading = _labels(), [_answers(20, nonce=f"k{n}", pack_fade=1.0) for n in range(30)]
    wrong = [sum(pack[place]["sentiment"] != steady[place] for pack in fading) for place in range(20)]
    assert wrong[:5] == [0] * 5
    assert sum(wrong[5:10]) < sum(wrong[15:])
    assert wrong[19] > 10


def test_a_noisy_model_answers_another_text_and_the_same_request_alike() -> None:
    assert _labels(noise=1.0) == _labels(noise=1.0) != _labels()
