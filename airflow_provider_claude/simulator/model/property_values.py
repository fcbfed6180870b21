"""Values for one property each, from the text, its sentiment and seeded chance.

The name of a property says what it wants: a sentiment, a degree, an excerpt, an alarm.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property, partial
from random import Random
from typing import Any, NamedTuple

from airflow_provider_claude.simulator.http_errors import InvalidRequestError
from airflow_provider_claude.simulator.model.behaviour import Behaviour
from airflow_provider_claude.simulator.model.credulous import label_asked, label_named, leaked
from airflow_provider_claude.simulator.model.label_noise import Asking, Labelled, answered
from airflow_provider_claude.simulator.model.sentiment import WORD_LIMIT, sentiment
from airflow_provider_claude.simulator.model.strings import FORMATS, compile_pattern, excerpt

Json = Any
Maker = Callable[["Cue"], Json]
_TELLING = re.compile(r"summary|reason|topic|subject|title|quote|evidence|explanation|rationale|description|text")
_DEGREE = re.compile(r"confidence|score|probability|certainty|intensity")
_FEELING = re.compile(r"sentiment|label|polarity|tone|mood|feeling|class|category")
_ALARM = re.compile(r"inject|harm|phish|malicious|suspicious|attack")
_ALARMING = re.compile(r"ignore (?:all |any |the )*(?:previous|prior|above)|system prompt|jailbreak", re.IGNORECASE)


class Pack(NamedTuple):
    """What answers to many items at once depend on: the prompt as it was *asked*, the seed, the misbehaviour.

    *in_result*: it was asked in a tool result.
    """

    asked: str
    seed: int
    behaviour: Behaviour
    in_result: bool = False


class Cue:
    """What an answer may depend on: the item's *text* and chance from *seed*. What the text leaves open is drawn from *own*, or
    else from *seed*: the same text is answered in the same way.

    *drift*: write enums in another case. *words*: how many words the sentiment is read from. *pack*: for a schema that
    asks for many answers. *orders*: text whose instructions are obeyed; where *names*, also the label that it only names.
    *secret*: the system prompt. *asking*: where labels are unsteady.
    """

    def __init__(
        self,
        text: str,
        seed: int,
        *,
        own: int | None = None,
        drift: bool = False,
        words: int = WORD_LIMIT,
        pack: Pack | None = None,
        orders: str = "",
        names: bool = False,
        secret: str = "",
        asking: Asking | None = None,
    ) -> None:
        self.text = text
        self.seed = seed
        self.own = seed if own is None else own
        self.drift = drift
        self.words = words
        self.pack = pack
        self.orders = orders
        self.names = names
        self.secret = secret
        self.asking = asking

    @cached_property
    def rng(self) -> Random:
        """Made only when an answer leaves something to chance."""
        return Random(self.own)

    @cached_property
    def feeling(self) -> dict[str, float]:
        """The VADER scores of the text, read at most once."""
        return sentiment(self.text, self.words)


def names_a_degree(name: str) -> bool:
    """Whether a number of this name is one from 0 to 1, such as a confidence."""
    return bool(_DEGREE.search(name.lower()))


def names_an_alarm(name: str) -> bool:
    """Whether a flag of this name asks for an attack in the text."""
    return bool(_ALARM.search(name.lower()))


def constant(value: Json, _cue: Cue) -> Json:
    return value


def one_of(makers: list[Maker], cue: Cue) -> Json:
    return (makers[0] if len(makers) == 1 or cue.rng.random() < 0.8 else cue.rng.choice(makers))(cue)


def object_of(wanted: list[tuple[str, Maker]], extra: list[tuple[str, Maker]], cue: Cue) -> dict[str, Json]:
    made = {name: make(cue) for name, make in wanted}
    made.update((name, make(cue)) for name, make in extra if cue.rng.random() < 0.7)
    return made


def array_of(make: Maker, least: int, most: int, cue: Cue) -> list[Json]:
    return [make(cue) for _ in range(cue.rng.randint(least, max(least, min(most, least + 2))))]


def boolean(alarm: bool, cue: Cue) -> bool:  # noqa: FBT001 - bound by partial
    return bool(_ALARMING.search(cue.text)) if alarm else cue.rng.random() < 0.5


def bounds_of(schema: dict[str, Json]) -> tuple[float, float, float]:
    """Least, most and step; nothing given means 0 to 100, or from the one bound there is."""
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    high = schema.get("maximum", schema.get("exclusiveMaximum", max(low, 0) + 101) - 1)
    if "exclusiveMinimum" in schema and high <= schema["exclusiveMinimum"] + 1:
        low = high = (schema["exclusiveMinimum"] + schema.get("maximum", high + 1)) / 2
    return low, max(low, high), schema.get("multipleOf", 0)


def integer(bounds: tuple[float, float, float], cue: Cue) -> int:
    low, high, step = bounds
    step = step or 1
    first, last = -int(-low // step), int(high // step)
    return int(cue.rng.randint(first, max(first, last)) * step)


def real(bounds: tuple[float, float, float], degree: bool, cue: Cue) -> float:  # noqa: FBT001 - bound by partial
    low, high, step = bounds
    if step:
        return integer((low / step, high / step, 1), cue) * step
    if degree and low <= 0 and high >= 1:
        return round(min(1.0, abs(cue.feeling["compound"])), 2)
    return min(high, max(low, round(cue.rng.uniform(low, high), 2)))


def enum_maker(values: list[Json], name: str) -> Maker:
    words = {str(value).lower(): value for value in values if isinstance(value, str)}
    if not values:
        raise InvalidRequestError("output_config.format.schema: enum must not be empty")
    if {"positive", "negative"} <= words.keys() and (_FEELING.search(name.lower()) or len(words) <= 5):
        return partial(_felt, words, name)
    return partial(_choice, values, name)


def _felt(words: dict[str, str], name: str, cue: Cue) -> str:
    named = label_named(cue.orders, list(words)) if cue.names else None
    label = named or label_asked(cue.orders, list(words)) or _feeling(words, cue)
    return _said(words[label], list(words.values()), name, cue)


def _feeling(words: dict[str, str], cue: Cue) -> str:
    scores = cue.feeling
    compound = scores["compound"]
    if "mixed" in words and min(scores["pos"], scores["neg"]) >= 0.12 and abs(compound) < 0.6:
        return "mixed"
    if abs(compound) < 0.05 and "neutral" in words:
        return "neutral"
    return "positive" if compound >= 0 else "negative"


def _choice(values: list[Json], name: str, cue: Cue) -> Json:
    options = [value for value in values if isinstance(value, str) and value]
    if (asked := label_asked(cue.orders, options)) is not None:
        return _said(asked, options, name, cue)
    text = cue.text.lower()
    named = [value for value in options if value.lower() in text]
    value = cue.rng.choice(named or values)
    return _said(value, options, name, cue) if value in options else value


def _said(label: str, options: list[str], name: str, cue: Cue) -> str:
    """The *label* as it is answered: another one where labels are unsteady, in another case where that drifts."""
    said = label if cue.asking is None else answered(Labelled(cue.text, label, options, name), cue.asking)
    if not cue.drift:
        return said
    return said.upper() if said != said.upper() else said.lower()


_IN_WORDS = re.compile(r"\bmaxLength: (\d+)")


def _in_words(description: str) -> int | None:
    """The bound that the SDK moves into a description, where the API does not enforce it but a model reads it."""
    found = _IN_WORDS.search(description)
    return int(found[1]) if found else None


#: The format of decimals, which the SDK also moves into a description: digits in all, and behind the point.
_DECIMAL = re.compile(r"\bformat: decimal\((\d+), (\d+)\)")


def _decimal(whole: int, scale: int, cue: Cue) -> str:
    number = str(cue.rng.randrange(10 ** min(whole, 4))) if whole else "0"
    return number + ("." + "".join(cue.rng.choices("0123456789", k=min(scale, 4))) if scale else "")


def string_maker(schema: dict[str, Json], name: str) -> Maker:
    if "pattern" in schema:
        make = compile_pattern(schema["pattern"])
        return lambda cue: make(cue.rng)
    if "format" in schema and schema["format"] in FORMATS:
        form = FORMATS[schema["format"]]
        return lambda cue: form(cue.rng)
    if decimals := _DECIMAL.search(schema.get("description", "")):
        return partial(_decimal, int(decimals[1]) - int(decimals[2]), int(decimals[2]))
    words = 12 if _TELLING.search(name.lower()) else 4
    least, most = schema.get("minLength", 0), schema.get("maxLength") or _in_words(schema.get("description", ""))
    return lambda cue: (leaked(cue.orders, cue.secret) or excerpt(cue.text, words)).ljust(least, ".")[:most]
