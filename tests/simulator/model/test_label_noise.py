"""Labels that are unsteady in a known way."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from airflow_provider_claude.simulator.model.label_noise import (
    Asking,
    Change,
    Labelled,
    LabelNoise,
    answered,
    chances,
    steady,
)
from airflow_provider_claude.simulator.process import SimulatorError
from tests.simulator.conftest import params

LABELS = ["positive", "negative", "neutral"]
SINCE = datetime(2026, 12, 24, tzinfo=UTC)
TEXTS = [f"I love parcel A{number}." for number in range(200)]


def _row(number, label="neutral", options=LABELS):
    return Labelled(f"text {number}", label, options, "sentiment")


def _asking(noise, attempt="a", at=SINCE):
    return Asking(noise, 7, attempt, at.timestamp())


def _count(noise, rows=4_000, **how):
    return Counter(answered(_row(number), _asking(noise, **how)) for number in range(rows))


def test_a_label_flips_in_the_planted_shares_and_others_do_not() -> None:
    noise = LabelNoise(flips={"neutral": {"positive": 0.2, "negative": 0.1}})
    found = _count(noise)
    assert found["positive"] == pytest.approx(800, abs=100)
    assert found["negative"] == pytest.approx(400, abs=80)
    assert answered(_row(1, "positive"), _asking(noise)) == "positive"


def test_a_flip_is_drawn_anew_for_each_attempt_and_alike_for_the_same() -> None:
    noise = LabelNoise(flips={"neutral": {"positive": 0.5}})
    first, again, other = (
        [answered(_row(number), _asking(noise, attempt)) for number in range(50)] for attempt in ("a", "a", "b")
    )
    assert first == again != other


def test_chances_are_those_of_the_options_there_are() -> None:
    noise = LabelNoise(flips={"neutral": {"positive": 0.2, "mixed": 0.3}})
    assert chances("neutral", LABELS, noise) == {"positive": 0.2, "neutral": pytest.approx(0.8)}
    assert chances("negative", LABELS, noise) == {"negative": 1}
    assert set(_count(noise)) == {"positive", "neutral"}


def test_a_share_of_texts_has_the_option_named_first_in_whatever_attempt() -> None:
    noise = LabelNoise(first=0.25)
    struck = [number for number in range(2_000) if steady(_row(number), _asking(noise)) == "positive"]
    assert len(struck) == pytest.approx(500, abs=80)
    assert all(answered(_row(number), _asking(noise, "b")) == "positive" for number in struck)
    turned = [steady(_row(number, options=LABELS[::-1]), _asking(noise)) for number in struck]
    assert set(turned) == {"neutral"}


def test_a_change_is_in_force_from_its_date_on_for_the_same_texts_each_time() -> None:
    noise = LabelNoise(changes=(Change(since=SINCE, flips={"neutral": {"negative": 0.3}}),))
    before = SINCE - timedelta(seconds=1)
    assert set(_count(noise, at=before)) == {"neutral"}
    assert _count(noise)["negative"] == pytest.approx(1_200, abs=120)
    assert _count(noise) == _count(noise, attempt="b", at=SINCE + timedelta(days=300))


def test_a_change_that_grows_strikes_more_texts_and_none_anew() -> None:
    flips = {"neutral": {"negative": 0.3, "positive": 0.3}}
    noise = LabelNoise(changes=(Change(since=SINCE, flips=flips, days=10),))
    days = [
        [steady(_row(n), _asking(noise, at=SINCE + timedelta(days=day))) for n in range(1_000)] for day in (0, 5, 10)
    ]
    assert set(days[0]) == {"neutral"}
    assert sum(label != "neutral" for label in days[1]) == pytest.approx(300, abs=60)
    assert all(now == "neutral" or now == later for now, later in zip(days[1], days[2], strict=True))


@pytest.mark.parametrize("flips", [{"a": {"b": -0.1}}, {"a": {"b": 0.7, "c": 0.4}}])
def test_shares_beyond_a_whole_are_refused(flips: dict[str, dict[str, float]]) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        LabelNoise(flips=flips)
    with pytest.raises(msgspec.ValidationError, match="from 0 to 1"):
        msgspec.convert({"flips": flips}, LabelNoise)


def said(client, text, body):
    message = client.messages.create(**params(f"<mail>{json.dumps(text)}</mail>", **body))
    return json.loads(message.content[0].text)["sentiment"]


def _batch(rows):
    asked = [
        {"custom_id": f"r{n}", "params": params(f"<mail>{json.dumps(text)}</mail>")} for n, text in enumerate(TEXTS)
    ]
    found = rows(asked)
    return [json.loads(found[one["custom_id"]].message.content[0].text)["sentiment"] for one in asked]


def test_two_batches_with_the_same_rows_agree_as_often_as_the_truth_says(rows, claude_simulator) -> None:
    """Over HTTP: 200 texts, each with a chance of 0.8² + 0.2² = 0.68 of the same label twice."""
    claude_simulator.label_noise(flips={"positive": {"neutral": 0.2}})
    truths = claude_simulator.truth(TEXTS, LABELS)
    assert {truth["plain"] for truth in truths} == {"positive"}
    expected = sum(sum(chance**2 for chance in truth["chances"].values()) for truth in truths)
    assert expected == pytest.approx(136)
    same = sum(one == other for one, other in zip(_batch(rows), _batch(rows), strict=True))
    assert same == pytest.approx(expected, abs=30)


def test_a_model_that_changes_keeps_its_id_and_gives_the_steady_labels(rows, claude_simulator) -> None:
    now = datetime.fromisoformat(claude_simulator.advance(0))
    change = {"since": (now + timedelta(days=1)).isoformat(), "flips": {"positive": {"negative": 0.5}}}
    claude_simulator.label_noise(changes=[change])
    assert set(_batch(rows)) == {"positive"}
    claude_simulator.advance(2 * 86_400)
    steady_now = [truth["steady"] for truth in claude_simulator.truth(TEXTS, LABELS)]
    assert set(steady_now) == {"positive", "negative"}
    assert _batch(rows) == steady_now


def test_a_message_that_is_asked_again_may_flip_too(client, claude_simulator) -> None:
    claude_simulator.label_noise(flips={"positive": {"neutral": 0.5}})
    assert len({said(client, TEXTS[0], {}) for _ in range(20)}) == 2
    claude_simulator.control("DELETE", "/label_noise")
    assert {said(client, TEXTS[0], {}) for _ in range(3)} == {"positive"}


def test_the_simulator_refuses_noise_that_it_does_not_know(claude_simulator) -> None:
    with pytest.raises(SimulatorError, match="flip"):
        claude_simulator.label_noise(flip={})
