"""Messages take their time, in simulated seconds."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from math import log
from statistics import median, stdev

import anthropic
import httpx2
import psutil
import pytest

from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.simulator.world.latency import parse_latency
from tests.simulator.conftest import params


@pytest.fixture
def slow(claude_simulator):
    """Messages take 30 simulated seconds, and the clock stands until it is set ahead."""
    claude_simulator.control("POST", "/knobs", {"latency": "seconds:30", "speed": 0})
    return claude_simulator


@pytest.fixture
def ask(client):
    """Send a message from a thread; gives its future."""
    with ThreadPoolExecutor(8) as pool:
        yield lambda **changes: pool.submit(client.messages.create, **params(**changes))


def _until(simulator, **wanted):
    """Look at the traffic until it shows these figures."""
    end = time.monotonic() + 30
    while any((traffic := simulator.traffic())[name] != value for name, value in wanted.items()):
        assert time.monotonic() < end, traffic
    return traffic


def test_a_message_waits_for_its_time(slow, ask):
    """Not at 29 seconds, at 30."""
    asked = ask()
    _until(slow, in_flight=1)
    slow.advance(29)
    assert slow.traffic()["in_flight"] == 1
    slow.advance(1)
    assert asked.result(10).stop_reason == "end_turn"
    traffic = slow.traffic()
    assert (traffic["in_flight"], traffic["most_in_flight"], traffic["answered"]) == (0, 1, 1)
    assert traffic["answered_at"] - traffic["first_at"] == pytest.approx(30)


def test_a_faster_clock_ends_the_wait(slow, ask):
    """Real time is simulated time by the clock's speed, also for those who wait already."""
    asked = ask()
    _until(slow, in_flight=1)
    slow.control("POST", "/knobs", {"speed": 1000})
    assert asked.result(10).stop_reason == "end_turn"


def test_input_is_drawn_on_arrival_and_output_with_the_answer(slow, ask, client):
    """A message that waits has used its request and its input, and no output yet."""
    slow.limits(requests=3, output_tokens=10)
    asked = [ask(text=f"No. {number}") for number in range(2)]
    traffic = _until(slow, in_flight=2)
    assert traffic["output_tokens"] == 0
    assert traffic["input_tokens"] > 100
    slow.advance(30)
    said = sum(one.result(10).usage.output_tokens for one in asked)
    assert slow.traffic()["output_tokens"] == said
    with pytest.raises(anthropic.RateLimitError, match="output tokens"):
        client.messages.create(**params())


def test_refusals_do_not_wait(slow, ask, client):
    """The meters are asked when a request arrives."""
    slow.limits(requests=1)
    asked = ask()
    _until(slow, in_flight=1)
    with pytest.raises(anthropic.RateLimitError, match="requests"):
        client.messages.create(**params())
    slow.advance(30)
    asked.result(10)


def test_messages_side_by_side_have_ids_of_their_own(slow, ask):
    """Also where they ask the same."""
    asked = [ask() for _ in range(8)]
    _until(slow, in_flight=8)
    slow.advance(30)
    assert len({one.result(10).id for one in asked}) == 8


def test_the_cache_can_be_read_once_its_writer_has_answered(slow, ask):
    """Two at once both write; a third reads."""
    system = [{"type": "text", "text": "Read with care. " * 300, "cache_control": {"type": "ephemeral"}}]
    asked = [ask(system=system) for _ in range(2)]
    _until(slow, in_flight=2)
    slow.advance(30)
    assert [one.result(10).usage.cache_read_input_tokens for one in asked] == [0, 0]
    third = ask(system=system)
    _until(slow, in_flight=1)
    slow.advance(30)
    assert third.result(10).usage.cache_read_input_tokens > 512


def test_a_client_that_leaves_is_billed_all_the_same(slow):
    """Its message is answered to nobody, and counted."""
    client = anthropic.Anthropic(
        api_key="k", base_url=slow.base_url, max_retries=0, timeout=anthropic.Timeout(10, read=0.3)
    )
    with pytest.raises(anthropic.APITimeoutError):
        client.messages.create(**params())
    _until(slow, in_flight=1)
    slow.advance(30)
    _until(slow, answered=1, abandoned=1)
    assert slow.books()["messages"]["requests"] == 1


def test_a_reset_cuts_those_who_wait(slow, ask):
    """And the new books know nothing of them."""
    asked = ask()
    _until(slow, in_flight=1)
    slow.reset()
    with pytest.raises((anthropic.APIConnectionError, httpx2.TransportError)):
        asked.result(10)
    assert (slow.traffic()["admitted"], slow.traffic()["in_flight"]) == (0, 0)


def test_ends_cleanly_while_messages_wait(tmp_path):
    """They are cut; the status is 0 and the log empty."""
    log = tmp_path / "log"
    with log.open("wb") as stderr, ThreadPoolExecutor() as pool:
        simulator = SimulatorProcess(latency="seconds:600", stderr=stderr).start()
        client = anthropic.Anthropic(api_key="k", base_url=simulator.base_url, max_retries=0)
        asked = pool.submit(client.messages.create, **params())
        _until(simulator, in_flight=1)
        assert simulator.stop() == 0
        with pytest.raises(anthropic.APIConnectionError):
            asked.result(10)
    assert log.read_text() == ""


def _send(simulator):
    """One message on a connection of its own, which stays open."""
    body = json.dumps(params("word " * 240)).encode()
    head = f"host: x\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\ncontent-length: {len(body)}\r\n\r\n"
    address = simulator.base_url.removeprefix("http://").split(":")
    connection = socket.create_connection((address[0], int(address[1])), timeout=30)
    connection.sendall(f"POST /v1/messages HTTP/1.1\r\n{head}".encode() + body)
    return connection


def test_hundreds_in_flight_take_little_memory(slow):
    """500 of them below 50 kB each, sockets and buffers included; then all are answered."""
    server = psutil.Process(slow.pid)
    before = server.memory_info().rss
    connections = [_send(slow) for _ in range(500)]
    _until(slow, in_flight=500)
    assert server.memory_info().rss - before < 500 * 50_000
    slow.advance(30)
    assert all(connection.recv(12) == b"HTTP/1.1 200" for connection in connections)
    for connection in connections:
        connection.close()


def test_lognormal_latencies_have_their_median_and_sigma():
    """Seeded by name: the same again for the same, another for another seed."""
    latency = parse_latency("lognormal:2,0.5")
    drawn = [latency.seconds(1, f"req_{number}") for number in range(2000)]
    assert median(drawn) == pytest.approx(2, rel=0.1)
    assert stdev(map(log, drawn)) == pytest.approx(0.5, rel=0.1)
    assert latency.seconds(1, "req_7") == drawn[7] != latency.seconds(2, "req_7")


@pytest.mark.parametrize(
    "text", ["instant:1", "seconds", "seconds:-1", "seconds:nan", "lognormal:1", "lognormal:1,inf"]
)
def test_latencies_are_spelled_one_way(text):
    """Others are refused with the spellings there are."""
    with pytest.raises(ValueError, match="instant, seconds:S"):
        parse_latency(text)
