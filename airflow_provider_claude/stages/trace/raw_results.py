"""What the API said about one request: its line in the results of the attempt, read without checking the answer."""

from __future__ import annotations

import msgspec

from airflow_provider_claude.core.cost.prices import Price, to_usd
from airflow_provider_claude.core.load.answers import Judged, judge, read_head
from airflow_provider_claude.core.load.row_costs import row_costs
from airflow_provider_claude.core.packing.packed_answers import element_of
from airflow_provider_claude.core.row_trace import Said, Tokens
from airflow_provider_claude.stages.trace.asked_requests import Asked
from airflow_provider_claude.store import exists
from airflow_provider_claude.store.results import read_lines


def said_to(asked: Asked, lane: str, price: Price) -> Said | None:
    """What was answered to *asked*, and what the row's part of it cost; None where the results have no line about it."""
    line = _line_of(asked)
    return None if line is None else said_in(line, lane, price, asked)


def _line_of(asked: Asked) -> bytes | None:
    path, name = asked.shard.results(asked.intent.attempt), asked.row["custom_id"]
    if not exists(path):
        return None
    start = name.encode()
    return next((line for line in read_lines(path) if start in line and read_head(line)[0] == name), None)


def said_in(line: bytes, lane: str, price: Price, asked: Asked | None = None) -> Said | None:
    """What *line* of a results file says, about one row or about that of *asked*; None where it is no result.

    In lane `store` it cost nothing: an earlier run paid.
    """
    heard: list[str] = []

    def listen(text: str) -> dict[str, object]:
        heard.append(text)
        return {}

    judged = judge(line, listen)
    if judged is None:
        return None
    text = heard[0] if heard else judged.text
    count, place = (len(asked.rows), asked.place) if asked else (1, 0)
    part = msgspec.structs.replace(judged, index=place, of=count, said=bool(text))
    usage, costs = row_costs([part], price, lane=lane, packed=count > 1)
    return Said(
        result=read_head(line)[1],
        message_id=judged.message_id or None,
        model=judged.model or None,
        stop_reason=judged.stop_reason,
        reason=judged.reason,
        text=text,
        element=_element(asked, judged, text),
        tokens=Tokens(
            input=int(usage.input[0]),
            output=int(usage.output[0]),
            cache_read=int(usage.cache_read[0]),
            cache_write=int(usage.cache_write[0]),
        ),
        cost_usd=to_usd(int(costs[0])),
    )


def _element(asked: Asked | None, judged: Judged, text: str | None) -> str | None:
    """The element of the packed answer *text* that has the id of the row; None where there is none, or the row was alone."""
    if asked is None or len(asked.rows) == 1 or text is None or judged.answer is None:
        return None
    fingerprint, request = asked.intent.fingerprint, asked.number
    return element_of(text, fingerprint=fingerprint, request=request, count=len(asked.rows), index=asked.place)
