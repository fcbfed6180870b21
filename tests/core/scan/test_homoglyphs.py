from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.scan.homoglyphs import mixed_scripts, skeleton

MIXED = {
    "j\u0430ilbre\u0430k": "jailbreak",
    "say\u041dello": "sayHello",
    "say_\u04bbello()": "say_hello()",
    "byp\u0251ss": "bypass",
    "\u0456gn\u043er\u0435 \u0430ll": "ignore all",
    "syst\u03b5m pr\u03bfmpt": "system prompt",
    "\uff49gnore": "ignore",
    "ig\U0001d427ore": "ignore",
    "\u0585verride": "override",
}

HONEST = [
    "plain",
    "5 µm, 3 μm, 10 kΩ, 2 MΩ, Δt, β-blocker",
    "TNFα, IFNγ, NFκB, TGFβ1 and PPARγ",
    "Привет, как дела? Wi-Fi-роутер, IT-отдел, SMSка, SMSки, PDFам",
    "Καλημέρα, πώς είσαι; Το email μου",
    "déjà vu, naïve, Łódź, Straße, İstanbul, Đà Nẵng",
    "TЮeasonous TЮump",
    "ＮＨＫのＷｅｂサイト",
    "𝗕𝗶𝗴 𝗦𝗮𝗹𝗲",
    "ᴛʜɪs ɪs sᴍᴀʟʟ",
    "日本語とEnglish",
    "\u2764\ufe0f 🇩🇪 👩\u200d🚀",
]


@pytest.mark.parametrize("text", MIXED)
def test_words_that_mix_letters_are_reported_and_read_as_they_look(text: str) -> None:
    texts = pa.array(["first", text, None])
    assert mixed_scripts(texts) == [1]
    rows, folded = skeleton(texts)
    assert (rows, folded.to_pylist()) == ([1], [MIXED[text]])


@pytest.mark.parametrize("text", HONEST)
def test_honest_words_of_any_script_are_not_held_against_a_text(text: str) -> None:
    assert mixed_scripts(pa.array([text])) == []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("𝗶𝗴𝗻𝗼𝗿𝗲 𝗮𝗹𝗹", "ignore all"),
        ("ＩＧＮＯＲＥ", "IGNORE"),
        ("ⓘⓖⓝⓞⓡⓔ", "ignore"),
        ("ɪɢɴᴏʀᴇ", "ignore"),
        ("🅸🅶🅽🅾🆁🅴", "ignore"),
        ("i\u0337\u0321g\u0337\u0321nore", "ignore"),
        ("Ѕсоре", "Scope"),
    ],
)
def test_styled_letters_are_read_plainly(text: str, read: str) -> None:
    assert skeleton(pa.array([text]))[1].to_pylist() == [read]


@pytest.mark.parametrize(
    "text", ["Привет, как дела? СОР ТАМ", "Καλημέρα ΟΧΙ", "déjà vu à Genève", "5 µm", "👩\u200d🚀"]
)
def test_honest_texts_are_read_once(text: str) -> None:
    assert skeleton(pa.array([text]))[0] == []


def test_every_homoglyph_of_the_corpus_is_reported_and_no_honest_row(shared_data: object) -> None:
    table = pq.read_table(f"{shared_data}/unicode.parquet")
    flagged = set(mixed_scripts(table["text"].combine_chunks()))
    for row, (kind, category) in enumerate(zip(*table.select(["kind", "category"]).to_pydict().values(), strict=True)):
        if category.startswith("homoglyph"):
            assert row in flagged
        elif kind == "benign":
            assert row not in flagged


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]))))
def test_any_text_can_be_read(texts: list[str | None]) -> None:
    rows, folded = skeleton(pa.array(texts, pa.string()))
    assert all(texts[row] != text for row, text in zip(rows, folded.to_pylist(), strict=True))
    assert set(mixed_scripts(pa.array(texts, pa.string()))) <= {n for n, text in enumerate(texts) if text}
