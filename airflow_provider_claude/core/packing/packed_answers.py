"""The answer to several items is taken apart again.

An answer counts where its id came exactly once, with the check word of the same item, and no other element has that check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from airflow_provider_claude.core.load.answers import Judged
from airflow_provider_claude.core.load.repeated_names import is_outermost_twice
from airflow_provider_claude.core.load.validate import InvalidAnswerError, Validator
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.packing.item_marks import Marks, marks
from airflow_provider_claude.core.packing.packing import CHECK, ID

_encode = msgspec.json.Encoder().encode


class _Packed(msgspec.Struct, gc=False):
    answers: list[msgspec.Raw]


_decode = msgspec.json.Decoder(_Packed).decode
_decode_element = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode


def read_elements(text: str) -> dict[str, Any]:
    """The elements of a packed answer, each as it came. Raises InvalidAnswerError where *text* is none."""
    try:
        answers = _decode(text).answers
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidAnswerError(f"not a list of answers: {error}") from error
    if (text.count('"answers"') != 1 or "\\" in text) and is_outermost_twice(text):
        raise InvalidAnswerError("it has a name twice")
    return {"answers": answers}


def element_of(text: str, *, fingerprint: str, request: int, count: int, index: int) -> str | None:
    """The first element of the packed answer *text* with the id of item *index* (from 0) of *count*, as it came."""
    mark = marks(fingerprint, request, count)[index]
    try:
        elements: list[msgspec.Raw] = read_elements(text)["answers"]
    except InvalidAnswerError:
        return None
    return next((bytes(raw).decode() for raw in elements if _element(raw)[0].id == mark.id), None)


@dataclass(frozen=True)
class Split:
    """The judgement of each item of a request, and how many elements of its answer have no item's id."""

    judged: list[Judged]
    foreign: int = 0


def split_request(whole: Judged, validate: Validator, *, fingerprint: str, request: int, count: int) -> Split:
    """What *whole* says about each of the *count* items in request number *request* of the attempt with *fingerprint*."""
    return split(whole, marks(fingerprint, request, count), validate)


def split(whole: Judged, of: Sequence[Marks], validate: Validator) -> Split:
    """What *whole*, the judgement of a request with `read_elements`, says about each of its items.

    Each judgement has the usage of the whole request, and which part of it is the item's.
    """
    if whole.answer is None:
        return Split([_unanswered(whole, number, len(of)) for number in range(len(of))])
    elements = [_element(raw) for raw in whole.answer["answers"]]
    ids = Counter(marked.id for marked, _ in elements)
    checks = Counter(marked.check for marked, _ in elements)
    mine = {marked.id: (marked, answer) for marked, answer in elements}
    judged = []
    for number, mark in enumerate(of):
        doubt = _doubt(mark, mine.get(mark.id, (mark, b""))[0], ids, checks)
        if doubt is not None:
            outcome = Outcome.INVALID if ids[mark.id] else Outcome.MISSING
            judged.append(_part(whole, number, len(of), outcome=outcome, answer=None, reason=doubt))
        else:
            judged.append(_validated(whole, number, len(of), mine[mark.id][1], validate))
    known = {mark.id for mark in of}
    return Split(judged, foreign=sum(count for name, count in ids.items() if name not in known))


def _element(raw: msgspec.Raw) -> tuple[Marks, bytes]:
    """The marks of an element, empty where it has none, and its answer without them, or whole where it has a name twice."""
    try:
        fields = _decode_element(raw)
        mark = Marks(_decode_text(fields.pop(ID)), _decode_text(fields.pop(CHECK)))
    except (msgspec.MsgspecError, KeyError):
        return Marks("", ""), b""
    whole = bytes(raw)
    return mark, whole if is_outermost_twice(whole.decode()) else _encode(fields)


def _doubt(asked: Marks, came: Marks, ids: Counter[str], checks: Counter[str]) -> str | None:
    """Why the element that came under the id of *asked* may not be its answer; None where it surely is."""
    if not ids[asked.id]:
        return "has no answer"
    if ids[asked.id] > 1:
        return f"has {ids[asked.id]} answers"
    if came.check != asked.check:
        return "has an answer with another check word: it may be that of another element"
    if checks[asked.check] > 1:
        return "shares its check word with another answer"
    return None


def _validated(whole: Judged, number: int, count: int, answer: bytes, validate: Validator) -> Judged:
    text = answer.decode()
    try:
        return _part(whole, number, count, outcome=Outcome.SUCCEEDED, answer=validate(text), reason="")
    except InvalidAnswerError as error:
        return _part(
            whole, number, count, outcome=Outcome.INVALID, answer=None, reason=f"is not valid: {error}", text=text
        )


def _unanswered(whole: Judged, number: int, count: int) -> Judged:
    return _part(whole, number, count, outcome=whole.outcome, answer=None, reason=f"was not answered: {whole.reason}")


def _part(
    whole: Judged,
    number: int,
    count: int,
    *,
    outcome: Outcome,
    answer: dict[str, Any] | None,
    reason: str,
    text: str | None = None,
) -> Judged:
    return msgspec.structs.replace(
        whole,
        outcome=outcome,
        answer=answer,
        reason=reason and f"element {number + 1} of a pack of {count} {reason}"[:500],
        text=text,
        said=bool(whole.text),
        index=number,
        of=count,
    )
