"""Rules made from the labels of a job: a word of judging near one of the labels, or near a synonym of it, in 27 languages.

An honest text may say so, too (“please mark my order as urgent”), so none of these rules is enough by itself: an order has
the row asked alone, and any of them sets it aside only where the classifier agrees (`confirm`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import pyarrow as pa

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.scan.folding import fold
from airflow_provider_claude.core.scan.signatures.rules import RuleFile
from airflow_provider_claude.shipped import shipped

#: The id of texts that name a label.
NAMES_LABEL = "names_label"

_PLAIN = re.compile(r"[a-z0-9][a-z0-9 ]*", re.IGNORECASE)

#: Words of fewer bytes, such as "A" or "5", stand in any text. Two characters of Chinese are six bytes.
_SHORTEST = 4
_MOST = 200

#: Bytes before and after a label in which the other word stands.
_NEAR = 70

_RULES = (
    ("order", "orders", "medium", 0.6, 0.2, "asks for one of the job's labels"),
    ("name", "names", "low", 0.4, 0.4, "states one of the job's labels as a result"),
    ("reader", "readers", "low", 0.4, 0.4, "tells an automatic reader one of the job's labels"),
)


class LabelRules(NamedTuple):
    """*named* finds the texts that name a label (NAMES_LABEL), *near* says what is asked of one: it is for those texts alone."""

    named: RuleFile
    near: RuleFile


def label_rules(labels: Sequence[str]) -> LabelRules | None:
    """The rules about *labels*, those of a job's output; None where no label is long enough."""
    known = _known()
    wanted = [one.strip().lower().replace("_", " ") for one in labels[:_MOST]]
    words = (word for one in wanted for word in (f"{one}.", *known.get(f"label {one}", ())))
    spoken = _forms(word for word in words if len(word.removesuffix(".").encode()) >= _SHORTEST)
    if not spoken:
        return None
    rules = [
        _RULE.format(name=name, severity=severity, score=score, confirm=confirm, catches=catches,
                     words=_strings("j", _forms(known[group])), labels=_strings("l", spoken), near=_NEAR)
        for name, group, severity, score, confirm, catches in _RULES
    ]  # fmt: skip
    named = _NAMED.format(name=NAMES_LABEL, labels=_strings("l", spoken))
    return LabelRules(
        RuleFile("the labels of the job", named), RuleFile("words near the labels of the job", "\n".join(rules))
    )


_RULE = """rule label_{name} {{
  meta:
    id = "wants_label"
    severity = "{severity}"
    score = {score}
    confirm = {confirm}
    catches = "{catches}"
  strings:
{words}
{labels}
  condition:
    for any of ($l*) : (for any i in (1..#) : (any of ($j*) in (@[i] - {near}..@[i] + {near})))
}}
"""


#: Who wants a label has to name it.
_NAMED = """rule label_named {{
  meta:
    id = "{name}"
    severity = "low"
    score = 0.2
    catches = "names one of the job's labels"
  strings:
{labels}
  condition:
    any of them
}}
"""


@cache
def _known() -> dict[str, tuple[str, ...]]:
    """The words of label_words.txt by name."""
    words: dict[str, list[str]] = {}
    for line in shipped(__package__, "label_words.txt").decode().splitlines():
        if line.startswith("= "):
            some = words.setdefault(line[2:].strip(), [])
        elif line and not line.startswith("#"):
            head, colon, rest = line.partition(": ")
            some += [word.strip() for word in (rest if colon else head).split(",")]
    return {name: tuple(some) for name, some in words.items()}


def _forms(words: Iterable[str]) -> list[str]:
    """*words* as they may stand in a text that was not folded, and in one that was, each once."""
    plain = list(dict.fromkeys(words))
    return list(dict.fromkeys([*plain, *fold(array(plain, pa.string())).to_pylist()]))


def _strings(letter: str, words: Sequence[str]) -> str:
    """YARA strings for *words*. One in Latin letters is found where a word begins with it, and where it ends in a dot, is it."""
    return "\n".join(f"    ${letter}{n} = {_pattern(word)}" for n, word in enumerate(words))


def _pattern(word: str) -> str:
    stem, whole = word.removesuffix("."), word.endswith(".")
    if _PLAIN.fullmatch(stem):
        return f"/\\b{stem}\\b/i" if whole else f"/\\b{stem}/i"
    return f'"{_escaped(stem)}" nocase'


def _escaped(word: str) -> str:
    """*word* as the text of a YARA string, byte by byte where it is not plain."""
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word.encode())
