"""What a row really costs: the figures that the simulator can only assume, from about a dollar or less on a real key.

    ANTHROPIC_API_KEY=... python -m benchmarks.cost_real
    ANTHROPIC_API_KEY=... python -m benchmarks.cost_real --pay

It prints the most that it may cost; without `--pay` nothing is paid. It counts tokens first, which is free: what a tool adds
that may not be called, one that is forced, a structured output, tags and notice, and 1,000 bytes of mail. With `--pay` it sends
`ROWS` (300) mails of 1.2 kB as Message Batches: by hand, in the prompt, in tool results, and in the prompt with examples and a
cache of an hour (one request first, then the rest), and prints the usage. It does not start without ANTHROPIC_API_KEY, and does
not send what could cost more than `MOST_USD`.

ANTHROPIC_BASE_URL names another API, such as the simulator's: what it prints then is what the simulator assumes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from airflow_provider_claude.job.cache import Ttl
from benchmarks.cost import examples, mails_of, shipped_job

#: The most that is spent, in USD.
MOST_USD = 1.0

#: Seconds between two looks at a batch, and the longest wait for one.
_LOOK, _LONGEST = 20.0, 86_400.0

#: Hidden tokens that a request may have beside its bytes.
_HIDDEN = 1_000

_SECRET = b"a secret of this measurement alone"


def main(arguments: Sequence[str]) -> int:
    if not os.environ.get("ANTHROPIC_API_KEY"):
        print(
            "ANTHROPIC_API_KEY is not set. Nothing was sent. Set it to a key of the account that pays.", file=sys.stderr
        )
        return 2
    import anthropic

    job, rows = shipped_job(), int(os.environ.get("ROWS", "300"))
    mails = mails_of(1_200, rows)
    lots = dict(_lots(job, mails))
    most = sum(_most_usd(job, requests) for requests in lots.values())
    print(
        f"{rows} mails in {len(lots)} ways cost at most {most:.4f} USD by batch, each byte a token, all of max_tokens."
    )
    with anthropic.Anthropic(max_retries=0) as client:
        _count(client, job, mails[0])
        if "--pay" not in arguments:
            print("Nothing was paid. Write --pay to send them.")
            return 0
        if most > MOST_USD:
            print(f"That is more than {MOST_USD:.2f} USD. Nothing was paid. Set ROWS to fewer mails.", file=sys.stderr)
            return 1
        _pay(client, lots)
    return 0


def _lots(job: Any, mails: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, list[bytes]]]:
    """The requests of each way to ask."""
    yield "by hand", [json.dumps(_by_hand(job, mail)).encode() for mail in mails]
    yield "in the prompt", _ours(replace(job, placement="user"), mails)
    yield "in tool results", _ours(replace(job, placement="tool_result"), mails)
    yield (
        "in the prompt, examples, cached for 1 h",
        _ours(replace(job, placement="user", examples=examples(job)), mails, "1h"),
    )


def _by_hand(job: Any, mail: Mapping[str, str]) -> dict[str, Any]:
    from anthropic import transform_schema

    prompt = job.prompt.format(subject=mail["subject"], body=mail["body"])
    return {
        "model": job.model,
        "max_tokens": job.max_tokens,
        "thinking": {"type": "disabled"},
        "system": job.system,
        "messages": [{"role": "user", "content": prompt}],
        "output_config": {"format": {"type": "json_schema", "schema": transform_schema(job.output)}},
    }


def _ours(job: Any, mails: Sequence[Mapping[str, str]], cache: Ttl | None = None) -> list[bytes]:
    from airflow_provider_claude.core.requests.request_bytes import Frame, RequestEncoder
    from airflow_provider_claude.gateway.output_schema import api_schema

    spec = job.spec(_SECRET, schema=api_schema(job.schema))
    encoder, frame = RequestEncoder(spec), Frame.of(spec, job.placement, cache=cache)
    contents = encoder.contents({name: [mail[name] for mail in mails] for name in encoder.texts})
    return [frame.params(content.text) for content in contents]


def _count(client: Any, job: Any, mail: Mapping[str, str]) -> None:
    """Print what `count_tokens` says, each difference by itself."""
    hand = _by_hand(job, mail)
    plain = {name: value for name, value in hand.items() if name != "output_config"}
    tool = {"name": "read_row", "description": "Reads a row.", "input_schema": {"type": "object"}}
    longer = {
        **hand,
        "messages": [{"role": "user", "content": f"{hand['messages'][0]['content']} {mail['body'][:1000]}"}],
    }
    base = _counted(client, plain)
    print(f"\n| counted, for one mail of {len(mail['body'].encode()):,} bytes | input tokens | more |\n|---|---:|---:|")
    for what, params, than in (
        ("by hand, without a schema", plain, base),
        ("with a structured output", hand, base),
        ("with a tool that may not be called", {**plain, "tools": [tool], "tool_choice": {"type": "none"}}, base),
        ("with a tool", {**plain, "tools": [tool]}, base),
        ("with a forced tool", {**plain, "tools": [tool], "tool_choice": {"type": "tool", "name": "read_row"}}, base),
        ("by hand, and 1,000 bytes of mail more", longer, _counted(client, hand)),
        (
            "in the prompt, between tags",
            json.loads(_ours(replace(job, placement="user"), [mail])[0]),
            _counted(client, hand),
        ),
        (
            "in a tool result",
            json.loads(_ours(replace(job, placement="tool_result"), [mail])[0]),
            _counted(client, hand),
        ),
    ):
        tokens = _counted(client, params)
        print(f"| {what} | {tokens:,} | {tokens - than:+,} |")


def _counted(client: Any, params: Mapping[str, Any]) -> int:
    return int(
        client.messages.count_tokens(**{name: v for name, v in params.items() if name != "max_tokens"}).input_tokens
    )


def _pay(client: Any, lots: Mapping[str, list[bytes]]) -> None:
    """Send all, and print what was used."""
    print("\n| asked | answered | input tokens | read from the cache | written to it | output tokens |")
    print("|---|---:|---:|---:|---:|---:|")
    for way, requests in lots.items():
        first = 1 if "cached" in way else 0
        if first:
            _ask(client, requests[:first])
        usages = _ask(client, requests[first:])
        sums = [
            sum(usage.get(name) or 0 for usage in usages) / max(len(usages), 1)
            for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
        ]
        print(
            f"| {way} | {len(usages)} of {len(requests) - first} | {' | '.join(f'{one:,.1f}' for one in sums)} |",
            flush=True,
        )


def _ask(client: Any, requests: Sequence[bytes]) -> list[dict[str, Any]]:
    """The usage of each answer to *requests*, sent as one batch. A create is not repeated: it could be paid for twice."""
    entries = [{"custom_id": f"r-{n}", "params": json.loads(one)} for n, one in enumerate(requests)]
    batch = client.messages.batches.create(requests=entries)
    until = time.monotonic() + _LONGEST
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        if time.monotonic() > until:
            raise TimeoutError(f"Batch {batch.id} has not ended.")
        time.sleep(float(os.environ.get("LOOK_SECONDS", _LOOK)))
    results = (one.result for one in client.messages.batches.results(batch.id))
    return [result.message.usage.model_dump() for result in results if result.type == "succeeded"]


def _most_usd(job: Any, requests: Sequence[bytes]) -> float:
    """The most that *requests* can cost by batch: each byte a token, written to a cache of an hour where it may be, and all of
    `max_tokens`.
    """
    from airflow_provider_claude.core.cost.prices import Usage, price_of

    price = price_of(job.model, None, on=datetime.now(UTC).isoformat())
    cached = [b"cache_control" in one for one in requests]
    sizes = [len(one) + _HIDDEN for one in requests]
    usages = [
        Usage(input=0 if marked else size, cache_write_1h=size if marked else 0, output=job.max_tokens)
        for size, marked in zip(sizes, cached, strict=True)
    ]
    return sum(price.picodollars(usage, lane="batch") for usage in usages) / 1e12


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
