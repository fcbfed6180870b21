"""VADER, the same scores at a fraction of the time.

The analyzer of `vaderSentiment` walks all rules, and lower-cases the whole text, for every word of feeling. Here the
rules run only where a word that can set one off is near, and see only the words they can reach. Texts are cut after
`WORD_LIMIT` words; up to there the scores are those of the original, which a test asserts.
Source: Hutto, C.J. & Gilbert, E.E. (2014), https://github.com/cjhutto/vaderSentiment
"""

from __future__ import annotations

from functools import cache
from string import punctuation
from typing import NamedTuple

from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    C_INCR,
    N_SCALAR,
    NEGATE,
    SPECIAL_CASES,
    SentimentIntensityAnalyzer,
    scalar_inc_dec,
)

#: How many words of a text are read, unless asked otherwise.
WORD_LIMIT = 40
#: Of an idiom or a booster of several words, the longest one is enough to notice it.
_PHRASES = frozenset(max(phrase.split(), key=len) for phrase in (*SPECIAL_CASES, *BOOSTER_DICT) if " " in phrase)
_IDIOMS = _PHRASES | SPECIAL_CASES.keys()
_NEGATIONS = frozenset(NEGATE)
_TRIGGERS = _NEGATIONS | BOOSTER_DICT.keys() | _IDIOMS | {"never", "so", "this", "no", "least"}


class _Read(NamedTuple):
    """A text as the rules want it: its words without punctuation, and whether capitals mean anything in it."""

    words_and_emoticons: list[str]
    is_cap_diff: bool


class _Analyzer(SentimentIntensityAnalyzer):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self._emoji = frozenset(self.emojis)

    def score(self, text: str) -> dict[str, float]:
        """`neg`, `neu` and `pos` from 0 to 1, `compound` from -1 to 1."""
        if not text.isascii() and not self._emoji.isdisjoint(text):
            return dict(self.polarity_scores(text))
        read = _read(text)
        words = read.words_and_emoticons
        lower = list(map(str.lower, words))
        hot = {index for index, word in enumerate(lower) if word in _TRIGGERS or "n't" in word}
        sentiments = [0.0] * len(words)
        for index in [index for index, word in enumerate(lower) if word in self.lexicon]:
            if hot.isdisjoint(range(index - 3, index + 3)):
                sentiments[index] = self._plain(lower, index, read)
            elif lower[index] not in BOOSTER_DICT and lower[index : index + 2] != ["kind", "of"]:
                sentiments[index] = self._ruled(lower, index, read)
        if "but" in lower:
            sentiments = self._but_check(words, sentiments)
        return dict(self.score_valence(sentiments, text))

    def _plain(self, lower: list[str], index: int, read: _Read, share: float = 1) -> float:
        """The valence of a word by itself, and by its capitals."""
        valence: float = self.lexicon[lower[index]] * share
        if read.is_cap_diff and read.words_and_emoticons[index].isupper():
            valence += float(C_INCR if valence > 0 else -C_INCR)
        return valence

    def _ruled(self, lower: list[str], index: int, read: _Read) -> float:
        """The valence of a word after all rules, which look three words back and two ahead."""
        before = lower[max(0, index - 3) : index][::-1]
        valence = self._plain(lower, index, read, self._share(lower, index, before))
        for back, word in enumerate(before):
            if word in self.lexicon:
                continue
            valence += (
                scalar_inc_dec(read.words_and_emoticons[index - back - 1], valence, read.is_cap_diff) * _FADE[back]
            )
            valence *= _negation(before, back)
            if back == 2 and not _IDIOMS.isdisjoint(lower[index - 3 : index + 3]):
                valence = self._special_idioms_check(valence, lower[index - 3 : index + 3], 3)
        least = before[:1] == ["least"] and "least" not in self.lexicon
        return valence * N_SCALAR if least and before[1:2] not in (["at"], ["very"]) else valence

    def _share(self, lower: list[str], index: int, before: list[str]) -> float:
        """What a "no" nearby leaves of a word."""
        if "no" in before[:2] or (before[2:] == ["no"] and before[0] in {"or", "nor"}):
            return float(N_SCALAR)
        follows = lower[index] == "no" and index + 1 < len(lower) and lower[index + 1] in self.lexicon
        return 0.0 if follows else 1.0


#: How much a booster counts one, two and three words ahead.
_FADE = (1.0, 0.95, 0.9)


def _negation(before: list[str], back: int) -> float:
    """What the word *back* + 1 places before makes of the valence; *before* is nearest first."""
    word, nearer = before[back], before[:back]
    praised = not {"so", "this"}.isdisjoint(nearer)
    if (back == 1 and word == "never" and praised) or (back == 2 and _never_so(before)):
        return 1.25
    if word == "without" and "doubt" in nearer:
        return 1.0
    return float(N_SCALAR) if word in _NEGATIONS or "n't" in word else 1.0


def _never_so(before: list[str]) -> bool:
    nearest, middle, far = before
    return (far == "never" and middle in {"so", "this"}) or nearest in {"so", "this"}


def _read(text: str) -> _Read:
    stripped = [(token, token.strip(punctuation)) for token in text.split()]
    words = [token if len(word) <= 2 else word for token, word in stripped]
    capitals = sum(map(str.isupper, words))
    return _Read(words, 0 < capitals < len(words))


@cache
def _analyzer() -> _Analyzer:
    return _Analyzer()


def sentiment(text: str, limit: int = WORD_LIMIT) -> dict[str, float]:
    """The VADER scores of the first *limit* words of *text*."""
    words = text.split(None, limit)
    if len(words) > limit:
        text = " ".join(words[:limit])
    return _analyzer().score(text)
