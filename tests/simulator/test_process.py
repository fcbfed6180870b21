"""The command line, the process, the plugin."""

from __future__ import annotations

import json
import subprocess
import sys

import anthropic
import pytest

from airflow_provider_claude.simulator.process import SimulatorError, SimulatorProcess
from airflow_provider_claude.simulator.world.pace import parse_pace
from tests.simulator.conftest import params, requests


def _client(simulator, key="k"):
    return anthropic.Anthropic(api_key=key, base_url=simulator.base_url, max_retries=0)


def test_says_one_json_line_and_ends_cleanly(tmp_path):
    """stdout has the base URL and nothing else; SIGTERM ends it with status 0, stderr stays empty."""
    command = [sys.executable, "-m", "airflow_provider_claude.simulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        url = json.loads(line)["base_url"]
        assert url.startswith("http://127.0.0.1:")
        anthropic.Anthropic(api_key="k", base_url=url).models.list()
        process.terminate()
        rest, log = process.communicate(timeout=10)
    assert (process.returncode, rest, log) == (0, "", "")


def test_state_survives_a_restart(tmp_path):
    """With --state the batches, their results and the books are there again."""
    with SimulatorProcess(state=tmp_path) as simulator:
        client = _client(simulator)
        done = client.messages.batches.create(requests=requests(3)).id
        client.messages.batches.retrieve(done)
        simulator.pace("seconds:3600")
        waiting = client.messages.batches.create(requests=requests(2)).id
        cost = simulator.books()["total"]["cost_usd"]
    with SimulatorProcess(state=tmp_path) as simulator:
        client = _client(simulator)
        assert [batch.id for batch in client.messages.batches.list()] == [waiting, done]
        assert len(list(client.messages.batches.results(done))) == 3
        assert simulator.books()["total"]["cost_usd"] == cost
        simulator.advance(3600)
        assert client.messages.batches.retrieve(waiting).request_counts.succeeded == 2


def test_one_key_can_be_demanded():
    """--api-key refuses all others."""
    with SimulatorProcess(api_key="secret") as simulator:
        _client(simulator, "secret").models.list()
        with pytest.raises(anthropic.AuthenticationError):
            _client(simulator, "other").models.list()


def test_limits_burst_and_latency_are_options():
    """In numbers, beside a tier."""
    with SimulatorProcess(
        tier="start", limits="requests=600,output_tokens=9", burst=2, latency="seconds:0"
    ) as simulator:
        knobs = simulator.control("GET", "/knobs")
    assert (knobs["tier"], knobs["burst"], knobs["latency"]) == ("start", 2, "seconds:0")
    assert [knobs["limits"][name] for name in ("requests", "input_tokens", "output_tokens")] == [600, 2_000_000, 9]


@pytest.mark.parametrize(
    "option", [{"latency": "soon"}, {"limits": "requests=many"}, {"limits": "colours=3"}, {"burst": 0}]
)
def test_wrong_options_end_the_process(option):
    """With status 2, as argparse does."""
    with pytest.raises(SimulatorError, match="status 2"):
        SimulatorProcess(**option, stderr=subprocess.DEVNULL).start()


def test_how_much_is_read_for_a_sentiment_is_an_option():
    """With --words 2 only the first two words count."""
    with SimulatorProcess(words=2) as simulator:
        message = _client(simulator).messages.create(**params("Good day, but then terrible, awful, horrible things."))
    assert json.loads(message.content[0].text)["sentiment"] == "positive"


def test_scaled_clock_runs_ahead():
    """At a speed of a million, 24 h pass while one waits for nothing."""
    with SimulatorProcess(pace="seconds:3600", speed=1e6) as simulator:
        client = _client(simulator)
        batch_id = client.messages.batches.create(requests=requests(1)).id
        while client.messages.batches.retrieve(batch_id).processing_status != "ended":
            pass


def test_a_start_that_fails_says_so():
    """A bad option ends the process, and the caller learns of it."""
    with pytest.raises(SimulatorError, match="status 2"):
        SimulatorProcess(pace="quick", stderr=subprocess.DEVNULL).start()


@pytest.mark.parametrize("text", ["instant:1", "polls", "polls:x", "seconds:", "lognormal:1,2", "soon"])
def test_paces_are_spelled_one_way(text):
    """Others are refused with the spellings there are."""
    with pytest.raises(ValueError, match="instant, polls:N"):
        parse_pace(text)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/knobs", {"tier": "gold"}),
        ("/knobs", {"colour": "red"}),
        ("/knobs", {"latency": "polls:2"}),
        ("/knobs", {"limits": {"colours": 3}, "seed": 9}),
        ("/knobs", {"limits": {"requests": 0}, "latency": "seconds:1"}),
        ("/knobs", {"burst": 0, "tier": "start"}),
        ("/knobs", {"speed": -1, "pace": "polls:2"}),
        ("/others", {"requests": -1}),
        ("/others", {"input_tokens": 100}),
        ("/behaviour", {"refusal": 2}),
        ("/behaviour", {"nonsense": 0.5}),
        ("/clock", {"advance": -1}),
        ("/faults", {"nome": "x"}),
    ],
)
def test_wrong_knobs_are_refused_and_change_nothing(claude_simulator, path, body):
    """With a text that says why."""
    before = claude_simulator.control("GET", "/knobs") | {"now": ""}
    with pytest.raises(SimulatorError):
        claude_simulator.control("POST", path, body)
    assert claude_simulator.control("GET", "/knobs") | {"now": ""} == before


def test_the_server_answers_while_it_works(claude_simulator):
    """20,000 requests are being answered; other calls do not wait for them."""
    import time

    client = _client(claude_simulator)
    batch_id = client.messages.batches.create(requests=requests(20_000)).id
    waits = []
    while True:
        start = time.perf_counter()
        claude_simulator.calls()
        waits.append(time.perf_counter() - start)
        if claude_simulator.books()["total"]["requests"]:
            break
    assert client.messages.batches.retrieve(batch_id).request_counts.succeeded == 20_000
    assert sorted(waits)[len(waits) // 2] < 0.1


def test_the_plugin_imports_next_to_nothing():
    """It is loaded by every pytest run of its users."""
    code = (
        "import sys, airflow_provider_claude.simulator.pytest_plugin;"
        "heavy = ('starlette', 'uvicorn', 'msgspec', 'vaderSentiment', 'airflow', 'anthropic');"
        "print([m for m in heavy if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_the_simulator_imports_none_of_ours_nor_airflow():
    """So that it cannot share a mistake with what it tests."""
    code = (
        "import sys, airflow_provider_claude.simulator.api.app, airflow_provider_claude.simulator.__main__;"
        "ours = [m for m in sys.modules if m.startswith('airflow_provider_claude.') and '.simulator' not in m];"
        "print(ours + [m for m in ('airflow', 'anthropic', 'pydantic') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
