from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import anthropic
import pytest

from airflow_provider_claude.simulator.process import SimulatorProcess

MODEL = "claude-haiku-5-5"
SENTIMENT = {
    "type": "object",
    "properties": {
        "sentiment": {"type": "string", "enum": ["positive", "negative", "neutral"]},
        "confidence": {"type": "number"},
        "summary": {"type": "string"},
    },
    "required": ["sentiment", "confidence", "summary"],
    "additionalProperties": False,
}


def params(text: str = "I love it.", **changes: Any) -> dict[str, Any]:
    """A sound request body; a change to None removes the key."""
    body: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 256,
        "thinking": {"type": "disabled"},
        "output_config": {"format": {"type": "json_schema", "schema": SENTIMENT}},
        "messages": [{"role": "user", "content": text}],
    }
    return {key: value for key, value in (body | changes).items() if value is not None}


def requests(count: int = 3, **changes: Any) -> list[dict[str, Any]]:
    """Sound requests with the ids r0, r1, …, each about another text."""
    texts = ["I love it, wonderful!", "This is terrible, I hate it.", "The parcel weighs two kilos."]
    return [
        {"custom_id": f"r{index}", "params": params(f"{texts[index % 3]} No. {index}", **changes)}
        for index in range(count)
    ]


class Wire:
    """Plain HTTP, for what an SDK would not send or would hide."""

    def __init__(self, base_url: str) -> None:
        self.address = urlsplit(base_url)

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(self.address.hostname or "", self.address.port, timeout=30)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        usual = {"authorization": "Bearer k", "anthropic-version": "2026-10-21"}
        try:
            connection.request(method, path, data, usual | (headers or {}))
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def json(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        response, data = self.call(method, path, body, headers)
        return response.status, json.loads(data)


@pytest.fixture
def wire(claude_simulator: SimulatorProcess) -> Wire:
    return Wire(claude_simulator.base_url)


@pytest.fixture
def client(claude_simulator: SimulatorProcess) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        api_key=claude_simulator.api_key, base_url=claude_simulator.base_url, max_retries=0
    ) as client:
        yield client


@pytest.fixture
def rows(client: anthropic.Anthropic) -> Any:
    """Create a batch of these requests, let it end, and give its rows by custom id."""

    def run(batch_requests: list[dict[str, Any]], **how: Any) -> dict[str, Any]:
        batch = client.messages.batches.create(requests=batch_requests, **how)
        assert client.messages.batches.retrieve(batch.id).processing_status == "ended"
        return {row.custom_id: row.result for row in client.messages.batches.results(batch.id)}

    return run
