"""Limits in numbers, short windows, others at work, and what was admitted and refused."""

from __future__ import annotations

import anthropic
import pytest

from airflow_provider_claude.simulator.http_errors import RateLimitedError
from airflow_provider_claude.simulator.world.bucket import Bucket
from airflow_provider_claude.simulator.world.other_traffic import MOST, Rate
from airflow_provider_claude.simulator.world.rate_limits import Limits
from tests.simulator.conftest import params

START = 1_800_000_000.0


def _served(limits, seconds, *, a_second, tokens=0):
    """How many of evenly spaced calls pass."""
    served = 0
    for number in range(int(seconds * a_second)):
        now = START + number / a_second
        try:
            limits.call(limits.requests, now)
            limits.admit(tokens, now)
        except RateLimitedError:
            continue
        served += 1
    return served


def test_a_bucket_holds_what_its_burst_brings():
    """600 a minute with a burst of one second are ten at once, then ten a second."""
    bucket = Bucket(600, burst=1)
    assert bucket.level(START) == 10
    bucket.draw(10, START)
    assert bucket.wait(1, START) == pytest.approx(0.1)
    assert bucket.level(START + 0.5) == pytest.approx(5)
    assert bucket.level(START + 100) == 10


def test_debt_is_paid_at_the_rate_of_the_limit():
    """Output is drawn after the fact; three minutes' worth take three minutes."""
    bucket = Bucket(600)
    bucket.draw(2400, START)
    assert bucket.level(START + 120) == pytest.approx(-600)
    assert bucket.wait(1, START + 180) == pytest.approx(0.1)


def test_what_is_more_than_a_bucket_holds_needs_it_full():
    """A prompt longer than the window's share passes alone, and leaves a debt."""
    limits = Limits("start", {"input_tokens": 6000}, burst=1)
    limits.admit(500, START)
    with pytest.raises(RateLimitedError) as refused:
        limits.admit(500, START + 1)
    assert refused.value.headers["retry-after"] == "4"
    limits.admit(500, START + 5)


@pytest.mark.parametrize(("burst", "expected"), [(60, 1200), (1, 610)])
def test_a_minute_of_pressure_gives_the_limit_and_the_burst(burst, expected):
    """Twenty a second against 600 a minute."""
    assert _served(Limits("start", {"requests": 600}, burst), 60, a_second=20) == pytest.approx(expected, abs=1)


def test_others_take_their_share():
    """Half of the limit is theirs, so half is left; all of theirs pass while both are modest."""
    limits = Limits("start", {"requests": 600}, burst=1)
    limits.others.change(Rate(requests=300), START)
    assert _served(limits, 60, a_second=5) == 300
    assert limits.others.served == pytest.approx(299, abs=1)
    assert limits.others.refused == 0


def test_others_are_refused_what_is_not_there():
    """Where more is asked than the limit has, both are refused, and together get the limit."""
    limits = Limits("start", {"input_tokens": 60_000}, burst=1)
    limits.others.change(Rate(requests=600, input_tokens=60_000), START)
    ours = _served(limits, 60, a_second=10, tokens=100)
    assert ours + limits.others.served == pytest.approx(610, abs=2)
    assert limits.others.served + limits.others.refused == pytest.approx(599, abs=1)
    assert limits.others.refused > 200


def test_others_draw_output_too():
    """Their output is a debt like ours."""
    limits = Limits("start", {"output_tokens": 600}, burst=1)
    limits.others.change(Rate(requests=60, output_tokens=6000), START)
    limits.catch_up(START + 60)
    assert limits.others.served == pytest.approx(6, abs=1)
    with pytest.raises(RateLimitedError, match="output tokens"):
        limits.admit(1, START + 60)


def test_a_long_absence_of_others_is_reckoned_at_once():
    """A week at ten times the limit: a tenth is served."""
    limits = Limits("start", {"requests": 600}, burst=1)
    limits.others.change(Rate(requests=6000), START)
    limits.catch_up(START + 7 * 24 * 3600)
    total = limits.others.served + limits.others.refused
    assert total == 7 * 24 * 60 * 6000 > MOST
    assert limits.others.served == pytest.approx(total / 10, rel=0.02)


def test_limits_can_be_given_in_numbers(client, claude_simulator):
    """What is not named is the tier's; the headers show them; naming a tier drops them."""
    claude_simulator.tier("start")
    claude_simulator.limits(requests=2, input_tokens=300_000)
    response = client.messages.with_raw_response.create(**params())
    assert response.headers["anthropic-ratelimit-requests-limit"] == "2"
    assert response.headers["anthropic-ratelimit-requests-remaining"] == "1"
    assert response.headers["anthropic-ratelimit-input-tokens-limit"] == "300000"
    assert response.headers["anthropic-ratelimit-output-tokens-limit"] == "400000"
    claude_simulator.tier("start")
    assert claude_simulator.control("GET", "/knobs")["limits"]["requests"] == 1000


def test_a_429_shows_the_meters_and_is_counted(client, claude_simulator):
    """By route; the calls of the route count it too."""
    claude_simulator.control("POST", "/knobs", {"speed": 0})
    claude_simulator.limits(requests=60, burst=2)
    for _ in range(2):
        client.messages.create(**params())
    for _ in range(3):
        with pytest.raises(anthropic.RateLimitError) as caught:
            client.messages.create(**params())
    headers = caught.value.response.headers
    assert headers["retry-after"] == "1"
    assert headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert headers["anthropic-ratelimit-input-tokens-limit"]
    assert claude_simulator.traffic()["rejected"] == {"messages": 3}
    assert claude_simulator.calls()["messages"] == 5


def test_the_traffic_says_what_was_admitted_and_when(client, claude_simulator):
    """Tokens in all, cache reads left out, and the times of the first and the last."""
    claude_simulator.control("POST", "/knobs", {"speed": 0})
    first = client.messages.create(**params("One")).usage
    claude_simulator.advance(90)
    second = client.messages.create(**params("Two, three")).usage
    traffic = claude_simulator.books()["traffic"]
    assert traffic["input_tokens"] == first.input_tokens + second.input_tokens
    assert traffic["output_tokens"] == first.output_tokens + second.output_tokens
    assert (traffic["admitted"], traffic["answered"], traffic["in_flight"]) == (2, 2, 0)
    assert traffic["last_at"] - traffic["first_at"] == traffic["answered_at"] - traffic["first_at"] == 90


def test_others_at_work_leave_less(client, claude_simulator):
    """They empty a meter meanwhile; ended, they leave it alone."""
    claude_simulator.control("POST", "/knobs", {"speed": 0})
    claude_simulator.limits(requests=60, burst=1)
    claude_simulator.others(requests=120)
    claude_simulator.advance(60)
    with pytest.raises(anthropic.RateLimitError):
        client.messages.create(**params())
    others = claude_simulator.traffic()["others"]
    assert others["rate"]["requests"] == 120
    assert others["served"] + others["refused"] == 120
    assert others["served"] == pytest.approx(60, abs=1)
    claude_simulator.others()
    claude_simulator.advance(60)
    client.messages.create(**params())
    assert claude_simulator.traffic()["others"]["refused"] == others["refused"]
