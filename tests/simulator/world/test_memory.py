"""Flat memory: what comes in goes to disk."""

from __future__ import annotations

import psutil

from airflow_provider_claude.simulator.process import SimulatorProcess
from tests.simulator.conftest import Wire, params

BATCHES = "/v1/messages/batches"
MEGABYTE = 1_000_000


def _body(batch: int, count: int) -> bytes:
    import json

    text = "I like this product, it came in time. " * 40
    tail = json.dumps(params(text)).encode()
    rows = (b'{"custom_id":"b%d-%d","params":%b}' % (batch, index, tail) for index in range(count))
    return b'{"requests":[' + b",".join(rows) + b"]}"


def measure(batches: int = 10, count: int = 10_000) -> int:
    """Peak resident bytes of server and workers together, over so many batches of 2 kB requests."""
    with SimulatorProcess() as simulator:
        wire = Wire(simulator.base_url)
        server = psutil.Process(simulator.pid)
        family = [server, *server.children(recursive=True)]
        peak = 0
        ids = []
        for batch in range(batches):
            status, answer = wire.json("POST", BATCHES, _body(batch, count))
            assert status == 200, answer
            ids.append(answer["id"])
            peak = max(peak, sum(process.memory_info().rss for process in family))
        for batch_id in ids:
            while wire.json("GET", f"{BATCHES}/{batch_id}")[1]["processing_status"] != "ended":
                peak = max(peak, sum(process.memory_info().rss for process in family))
            assert wire.call("GET", f"{BATCHES}/{batch_id}/results")[1].count(b"\n") == count
            peak = max(peak, sum(process.memory_info().rss for process in family))
        return peak


def test_ten_batches_of_10000_stay_under_300_mb():
    """Taken, answered and served; the peak of server and workers together."""
    assert measure() < 300 * MEGABYTE


if __name__ == "__main__":
    print(measure() / MEGABYTE, "MB")
