"""What shape a text may have: the first layer of the gate measures by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from airflow_provider_claude.job.numbers import number, whole_number

#: The rule, and the flag, of a text that holds the word of the system prompt that no answer may hold.
CONFIDENTIAL_WORD = "confidential_word"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a text may be, in a job that reads mail. Lower limits catch more, of the honest too.

    :param max_tokens: estimated tokens of a row's texts together; more is `too_many_tokens`, high. An English mail has
        400; 100,000 characters of English have 33,000, of Chinese up to three times that.
    :param max_line: characters of one line; more is `long_line`, medium. Mail programs wrap or hold a paragraph a line.
    :param max_lines: lines of one text; more is `too_many_lines`, medium.
    :param max_no_text: share of characters that are none of text, as they came; more is `binary`, high. Text read in the
        wrong charset stays under it.
    :param no_text_from: so many of those there must be: a stray one makes no short text binary.
    :param repetition_from: characters from which a text is tried for repetition. Shorter ones cost little to answer.
    :param max_repetition: how many times smaller a text may get when compressed; more is `repetition`, medium. Prose gets 2
        to 3 times smaller, long quoted threads and tables up to 10.
    :param closing_tags: delimiters of the prompt. A text that closes one, with look-alike brackets either, is noted
        (`closes_tag`, low): it closes nothing, since a request's own delimiters hold a nonce.
    :param confidential: the word of the system prompt that no answer may hold; empty for none. A text that holds it is set
        aside (`confidential_word`, high): its author has read the prompt, and an answer that quotes it would not count.
    :raises JobError: for a number out of its range.
    """

    max_tokens: int = 50_000
    max_line: int = 20_000
    max_lines: int = 5_000
    max_no_text: float = 0.1
    no_text_from: int = 4
    repetition_from: int = 4_000
    max_repetition: float = 20.0
    closing_tags: Sequence[str] = field(default=())
    confidential: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for name in ("max_tokens", "max_line", "max_lines", "no_text_from", "repetition_from"):
            whole_number(name, getattr(self, name), 1, 1_000_000_000)
        number("max_no_text", self.max_no_text, 0, 1)
        number("max_repetition", self.max_repetition, 0, 1_000_000)
