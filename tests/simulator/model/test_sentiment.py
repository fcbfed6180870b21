"""The quick VADER is VADER."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import BOOSTER_DICT, NEGATE, SPECIAL_CASES, SentimentIntensityAnalyzer

from airflow_provider_claude.simulator.model.request_params import item_text
from airflow_provider_claude.simulator.model.sentiment import WORD_LIMIT, sentiment

VADER = SentimentIntensityAnalyzer()
WORDS = [
    *NEGATE, *BOOSTER_DICT, *SPECIAL_CASES, "good", "GOOD", "bad", "horrible", "love", "LOVE!!!", "hate,", "kind", "of",
    "but", "But", "least", "at", "very", "never", "so", "this", "without", "doubt", "no", "nor", "or", "table", "the",
    ":)", ":(", "😁", "💔", "don't", "ISN'T", "shit", "ass", "??", "",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(words=st.lists(st.sampled_from(WORDS), max_size=25))
def test_scores_are_those_of_the_original(words):
    """For texts up to the word limit, made of the words its rules are about."""
    text = " ".join(words)
    if len(text.split()) <= WORD_LIMIT:
        assert sentiment(text) == VADER.polarity_scores(text)


@given(text=st.text(max_size=100))
@settings(deadline=None)
def test_any_text_has_a_score(text):
    """Whatever the letters."""
    assert sentiment(text) == VADER.polarity_scores(text)


def test_only_the_first_words_are_read():
    """What comes after the limit changes nothing."""
    start = "good " * WORD_LIMIT
    assert sentiment(start + "terrible " * 500) == sentiment(start)


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ('<item>"I \\u003cb>love\\u003c/b> it"</item>', "I <b>love</b> it"),
        ('He said "ok" and then talked for a long, long time.', 'He said "ok" and then talked for a long, long time.'),
        ("<mail>hello</mail>", " hello "),
        ('"broken \\q literal"', '"broken \\q literal"'),
        ("", ""),
    ],
)
def test_the_text_of_a_prompt(prompt, text):
    """The longest JSON string where it is most of the prompt, else everything but tags."""
    assert item_text(prompt) == text
