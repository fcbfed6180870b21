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
    NEGATE,
    SPECIAL_CASES,
    SentimentIntensityAnalyzer,
)

#: How many words of a text are read.
WORD_LIMIT = 40
#: Of an idiom or a booster of several words, the least common one is enough to notice it.
_PHRASES = {max(phrase.split(), key=len) for phrase in (*SPECIAL_CASES, *BOOSTER_DICT) if " " in phrase}
_NEGATING = frozenset((*NEGATE, "never", "so", "this", "without"))
_TRIGGERS = _NEGATING | BOOSTER_DICT.keys() | SPECIAL_CASES.keys() | _PHRASES | {"no", "or", "nor", "least"}


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
        hot = {place for place, word in enumerate(lower) if word in _TRIGGERS or "n't" in word}
        sentiments = [0.0] * len(words)
        for place in [place for place, word in enumerate(lower) if word in self.lexicon]:
            if hot.isdisjoint(range(place - 3, place + 3)):
                sentiments[place] = self._plain(lower[place], words[place], read)
            elif lower[place] not in BOOSTER_DICT and lower[place : place + 2] != ["kind", "of"]:
                sentiments[place] = self.sentiment_valence(0, read, words[place], place, [])[0]
        if "but" in lower:
            sentiments = self._but_check(words, sentiments)
        return dict(self.score_valence(sentiments, text))

    def _plain(self, word: str, spelled: str, read: _Read) -> float:
        """The valence of a word that no rule but that of capitals touches."""
        valence: float = self.lexicon[word]
        if read.is_cap_diff and spelled.isupper():
            valence += float(C_INCR if valence > 0 else -C_INCR)
        return valence

    @staticmethod
    def _negation_check(valence: float, words: list[str], start: int, index: int) -> float:
        low = max(0, index - 3)
        near = words[low : index + 1]
        if not any(word in _NEGATING or "n't" in word for word in map(str.lower, near)):
            return valence
        result: float = SentimentIntensityAnalyzer._negation_check(valence, near, start, index - low)  # noqa: SLF001
        return result

    @staticmethod
    def _special_idioms_check(valence: float, words: list[str], index: int) -> float:
        near = words[index - 3 : index + 3]
        result: float = SentimentIntensityAnalyzer._special_idioms_check(valence, near, 3)  # noqa: SLF001
        return result


def _read(text: str) -> _Read:
    stripped = [(token, token.strip(punctuation)) for token in text.split()]
    words = [token if len(word) <= 2 else word for token, word in stripped]
    capitals = sum(map(str.isupper, words))
    return _Read(words, 0 < capitals < len(words))


@cache
def _analyzer() -> _Analyzer:
    return _Analyzer()


def sentiment(text: str) -> dict[str, float]:
    """The VADER scores of the first `WORD_LIMIT` words of *text*."""
    words = text.split(None, WORD_LIMIT)
    if len(words) > WORD_LIMIT:
        text = " ".join(words[:WORD_LIMIT])
    return _analyzer().score(text)
