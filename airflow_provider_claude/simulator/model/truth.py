"""What is true of the model's labels: what a test asks for, to hold what it has measured against it."""

from __future__ import annotations

from msgspec import Struct

from airflow_provider_claude.simulator.model.chance import digest
from airflow_provider_claude.simulator.model.label_noise import Asking, Labelled, chances, steady
from airflow_provider_claude.simulator.model.property_values import Cue, enum_maker


class Question(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Texts as they stand between the tags of a prompt, and the options of the enum *field* in the order of the schema."""

    texts: list[str]
    labels: list[str]
    field: str = "sentiment"


class Truth(Struct, frozen=True):
    """Of one text: the *plain* label without noise, the *steady* one at the time, and how likely an answer is which."""

    plain: str
    steady: str
    chances: dict[str, float]


def truths(question: Question, asking: Asking, words: int) -> list[Truth]:
    """The truth of each text. *words*: how many words of a text its sentiment is read from."""
    make = enum_maker(question.labels, question.field)
    plain = [str(make(Cue(text, digest(asking.seed, text), words=words))) for text in question.texts]
    rows = zip(question.texts, plain, strict=True)
    return [_truth(Labelled(text, label, question.labels, question.field), asking) for text, label in rows]


def _truth(row: Labelled, asking: Asking) -> Truth:
    label = steady(row, asking)
    return Truth(row.label, label, chances(label, row.options, asking.noise))
