"""Letters that look like Latin ones: which rows mix them into Latin words, and how those rows read with them folded.

Folded texts are for the scan alone. In the prompt a text keeps its letters: a person reads them the same either way.
Whole words of another script, units (µm, kΩ) and names with a single Greek letter (TNFα) do not count.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.scan.normalise import foreign_where

#: Look-alikes that no eye can distinguish, and what they look like: Cyrillic, Greek, Armenian, Cherokee, Latin phonetic.
_LOOKALIKES = (
    ("АВЕКМНОРСТУХЅІЈҮԌԜӀҺаеорсухіјѕԁԛԝһүҽѵӏ", "ABEKMHOPCTYXSIJYGWIhaeopcyxijsdqwhyevl"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοϲϳ", "ABEZHIKMNOPTYXocj"),
    ("օսհոցՕՍ", "ouhngOU"),
    ("ᎪᏴᏟᎠᎬᎻᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᎩᏃ", "ABCDEHJKLMPRSTVWYZ"),
    ("ɑɡ", "ag"),
)

#: Likenesses that pass in a word of others: two of them in one word are no accident.
_COUSINS = (
    ("вгкмнптьзиѡ", "vrkmhntbenw"),
    ("αβγεηικνρστυχω", "abyenikvpotuxw"),
)

#: Small capitals: a style, folded but never held against a text. Letters in boxes, which NFKC leaves as they are.
_STYLED = (("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz"),)
_BOXED = (0x1F130, 0x1F150, 0x1F170)

_LOOKALIKE = "".join(letters for letters, _ in _LOOKALIKES)
_COUSIN = "".join(letters for letters, _ in _COUSINS)
_STYLE = r"\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{1D400}-\x{1D7CB}"
_SMALL = _STYLED[0][0]

#: Letters of Cyrillic and Greek that look like no Latin one: where they are, words of look-alikes alone are honest words.
_OWN = "[бджйлфцчшщъыэюяБГДЖЗИЙЛПФЦЧШЩЪЫЬЭЮЯδζθλμξπςφψΓΔΘΛΞΠΣΦΨΩ]"

_MAY_MIX = rf"[A-Za-z][{_LOOKALIKE}{_COUSIN}{_STYLE}]|[{_LOOKALIKE}{_COUSIN}{_STYLE}][A-Za-z]"
_FOLDABLE = (
    rf"{_MAY_MIX}|[{_STYLE}\x{{2460}}-\x{{24FF}}\x{{1F130}}-\x{{1F189}}\x{{2100}}-\x{{214F}}]{{3}}|[{_SMALL}a-z]*[{_SMALL}]{{2}}"
    r"|[\x{300}-\x{36F}]{2}|(?:[\x{C0}-\x{24F}\x{1E00}-\x{1EFF}][A-Za-z]{0,2}){4}"
)
_ALL_LOOKALIKES = rf"[{_LOOKALIKE}]{{4}}"

_WORD = re.compile(r"[^\W\d_]+")
_HONEST_ENDING = re.compile(r"[A-Z]+[^\x00-\x7f]+")


def mixed_scripts(texts: pa.Array) -> list[int]:
    """The rows (ascending) in which a word mixes Latin letters with look-alikes of other alphabets or styles."""
    rows, some = foreign_where(texts, _MAY_MIX)
    return [row for row, text in zip(rows, some.to_pylist(), strict=True) if any(map(_mixed, _WORD.findall(text)))]


def skeleton(texts: pa.Array) -> tuple[list[int], pa.Array]:
    """The rows that read differently with look-alikes, styled letters and accents folded to ASCII, and how they read."""
    rows, some = foreign_where(texts, f"{_FOLDABLE}|{_ALL_LOOKALIKES}")
    if not rows:
        return [], some
    honest = pc.and_(pc.match_substring_regex(some, _OWN), pc.invert(pc.match_substring_regex(some, _FOLDABLE)))
    kept: list[int] = []
    folded: list[str] = []
    for row, text, skip in zip(rows, some.to_pylist(), honest.to_pylist(), strict=True):
        if not skip and (after := folded_text(text)) != text:
            kept.append(row)
            folded.append(after)
    return kept, array(folded, pa.string())


def folded_text(text: str) -> str:
    """*text* with compatible forms, look-alikes and marks folded to the plain letters they look like."""
    plain = unicodedata.normalize("NFKD", text).translate(_folding())
    return unicodedata.normalize("NFC", plain)


def _mixed(word: str) -> bool:
    """Whether *word*, letters alone, mixes what no honest word mixes."""
    if word.isascii() or len(word) < 3:
        return False
    plain = sum(map(str.isascii, word))
    if not plain:
        return False
    if any(_styled(letter) for letter in word):
        return True
    lookalikes = sum(letter in _LOOKALIKE for letter in word)
    cousins = sum(letter in _COUSIN for letter in word)
    others = sum(not letter.isascii() and letter > "\u024f" for letter in word) - lookalikes - cousins
    if others or _HONEST_ENDING.fullmatch(word):
        return False
    return (plain >= 2 and (lookalikes >= 1 or cousins >= 2)) or (lookalikes >= 2 and len(word) >= 4)


def _styled(letter: str) -> bool:
    return "\uff21" <= letter <= "\uff5a" or "\U0001d400" <= letter <= "\U0001d7cb"


@cache
def _folding() -> dict[int, str | None]:
    """For str.translate: each look-alike's letter; marks of Latin, Greek and Cyrillic letters go."""
    table: dict[int, str | None] = dict.fromkeys(range(0x300, 0x370))
    for letters, plain in (*_LOOKALIKES, *_COUSINS, *_STYLED):
        table.update(zip(map(ord, letters), plain, strict=True))
    for first in _BOXED:
        table.update((first + n, chr(ord("a") + n)) for n in range(26))
    return table
