from __future__ import annotations

import time

import pyarrow as pa
import pytest

from airflow_provider_claude.sources.mail.replies import Reply, bodies, split_reply


@pytest.mark.parametrize(
    "quoted",
    [
        "> Is it?\n> Really?",
        "On Mon, Ann wrote:\n> Is it?",
        "Ann said:\n\n> Is it?",
        "On 1 May 2026 at 10:00, Ann\n<a@b.c> wrote:\n\nIs it?",
        "Am 1. Mai 2026 um 10:00 schrieb Jan <j@x.de>:\nWirklich?",
        "Le 1 mai 2026 à 10:00, Ann <a@b.c> a écrit :\nMais non",
        "-----Original Message-----\nFrom: a@b.c\nIs it?",
        "Von: a@b.c\nGesendet: heute\nBetreff: Frage\n\nIst es?",
        "*From:* a@b.c\n*Sent:* today\n*To:* d\n\nIs it?",
    ],
)
def test_what_is_quoted_is_distinguished(quoted: str) -> None:
    assert split_reply(f"Yes.\n\n{quoted}") == Reply("Yes.", quoted, "")


def test_a_reply_between_what_is_quoted_is_kept_whole() -> None:
    text = "On Mon, Ann wrote:\n> Is it?\n\nYes.\n> And?\nNo."
    assert split_reply(text) == Reply("Yes.\nNo.", "On Mon, Ann wrote:\n> Is it?\n> And?", "")


@pytest.mark.parametrize(
    ("text", "body", "signature"),
    [
        ("Hello\n-- \nAnn\nSales", "Hello", "-- \nAnn\nSales"),
        ("Hello\n--\nAnn", "Hello", "--\nAnn"),
        ("Hello\n\nBest regards,\nAnn\nSales\n+1 555 0100", "Hello", "Best regards,\nAnn\nSales\n+1 555 0100"),
        ("Hallo\nMit freundlichen Grüßen\n\nJan", "Hallo", "Mit freundlichen Grüßen\n\nJan"),
        ("Hello\nSent from my iPhone", "Hello", "Sent from my iPhone"),
        ("Hello\n" + "_" * 47 + "\nlist mailing list", "Hello", "_" * 47 + "\nlist mailing list"),
    ],
)
def test_a_signature_is_distinguished(text: str, body: str, signature: str) -> None:
    assert split_reply(text) == Reply(body, "", signature)


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u3000", "\x1f", "\x85", "\x0b"])
def test_a_quotation_is_dropped_behind_any_space(space: str) -> None:
    texts = bodies(pa.array([f"Yes.\n{space}> Is it?"]), replies=True, signatures=True).texts
    assert texts.to_pylist() == ["Yes."]


def test_a_reply_above_its_quotation_keeps_its_own_signature() -> None:
    text = "Yes.\n-- \nBob\n\nOn 1 May, Ann <a@b.c> wrote:\n> Is it?\n> -- \n> Ann"
    assert split_reply(text) == Reply("Yes.", "On 1 May, Ann <a@b.c> wrote:\n> Is it?\n> -- \n> Ann", "-- \nBob")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "  Hello\n\n",
        "> only\n> this",
        "-- \nonly a signature",
        "- one\n- two\n- three",
        "From: the heart\nI love it",
        "From: a@b.c\nTo: d@e.f\nSubject: as pasted\n\nHello",
        "He wrote:\nthat all is well",
        "I liked it.\nOn the other hand, he wrote:\nnothing",
        "Regards to your mother from all of us",
        "Best regards,\n" + "a long line of what is no name at all, but goes on and on and on until it is too long\n",
        "see --\nbelow",
        "---------- Forwarded message ---------\nFrom: a@b.c\nHello",
    ],
)
def test_what_is_only_a_body_comes_as_it_is(text: str) -> None:
    assert split_reply(text) == Reply(text, "", "")


def test_columns_lose_what_is_asked_for_and_say_so() -> None:
    texts = pa.array(["Yes.\n> Is it?\n-- \nBob", None, "plain", "Hi\n--\nAnn"])
    both = bodies(texts, replies=True, signatures=True)
    assert both.texts.to_pylist() == ["Yes.", None, "plain", "Hi"]
    assert both.changes == {"reply_dropped": [0], "signature_dropped": [0, 3]}
    replies = bodies(texts, replies=True, signatures=False)
    assert replies.texts.to_pylist() == ["Yes.\n\n-- \nBob", None, "plain", "Hi\n--\nAnn"]
    assert replies.changes == {"reply_dropped": [0]}
    signatures = bodies(texts, replies=False, signatures=True)
    assert signatures.texts.to_pylist() == ["Yes.\n\n> Is it?", None, "plain", "Hi"]
    assert signatures.changes == {"signature_dropped": [0, 3]}


@pytest.mark.parametrize(
    "piece",
    [
        "\n",
        " ",
        "> ",
        ">\n",
        "On a ",
        "On a\n",
        "wrote:",
        "On 1 wrote:\n",
        "From: a\n",
        "-- \n",
        "_",
        "-",
        "Best\n",
        ": ",
    ],
)
def test_hostile_texts_cost_no_more_than_their_size(piece: str) -> None:
    text = "x\n" + piece * (1_000_000 // len(piece)) + "x"
    began = time.process_time()
    bodies(pa.array([text]), replies=True, signatures=True)
    assert time.process_time() - began < 8


def test_a_forwarded_mail_is_what_the_mail_is_about() -> None:
    mail = "FYI\n\n---------- Forwarded message ----------\nFrom: b@c.example\nDate: 1 Nov\nSubject: lamp\n\nIt burned."
    assert split_reply(mail).body == mail
