"""Layer 1: the shape of a text, whatever it says. Length, lines, bytes that are no text, repetition, forged delimiters.

Also what each flag of the cleaning and of the disguises means. Most rows meet none of the limits, and cost a look at
their length.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array, scalar
from airflow_provider_claude.core.cost.tokens import BYTES_A_TOKEN
from airflow_provider_claude.core.scan.findings import Finding, Severity
from airflow_provider_claude.core.scan.normalise import REMOVED, REPORTED, foreign_where, rows_where
from airflow_provider_claude.core.scan.shape_limits import CONFIDENTIAL_WORD, Limits

#: By flag how grave it is, and what it says of “the text”. Honest texts hold what is low, by way of copy and paste.
CHANGES: Mapping[str, tuple[Severity, str]] = {
    "tag_characters": ("high", "hides a message in tag characters"),
    "smuggled_selectors": ("high", "hides a message in variation selectors"),
    "smuggled_bits": ("high", "hides a message in characters without width"),
    "split_words": ("medium", "has words cut into pieces by characters without width"),
    "reversed_order": ("medium", "has characters that turn the order of the letters"),
    "stacked_marks": ("medium", "has letters under heaps of marks"),
    "mixed_scripts": ("medium", "has words that mix Latin letters with look-alikes"),
    "encoded_text": ("low", "holds encoded text"),
    "bidi_controls": ("low", "had controls of the writing direction"),
    "hidden_characters": ("low", "had characters without width"),
    "stray_joiners": ("low", "had joiners with nothing to join"),
    "soft_hyphens": ("low", "had soft hyphens"),
    "control_characters": ("low", "had control characters"),
    "variation_selectors": ("low", "had variation selectors with nothing to select"),
    "not_composed": ("low", "had letters apart from their marks"),
}

#: Brackets and slashes that look like those of a tag.
_TAG_LOOKALIKES = {
    ord(lookalike): plain
    for lookalikes, plain in (("＜‹〈⟨˂ᐸ﹤❮❬≺〈", "<"), ("＞›〉⟩˃ᐳ﹥❯❭≻〉", ">"), ("／⁄∕⧸", "/"))
    for lookalike in lookalikes
}
_ODD_BRACKET = "[" + "".join(map(chr, _TAG_LOOKALIKES)) + "]"

#: How a request marks what is untrusted: its tag, or the closing tag of any other with something like its nonce.
_OWN_TAG = (
    r"(?:<|\\u003c|&lt;)"
    r"(?:\s*/?\s*(?:untrusted\b|data-(?:id\b|[0-9a-f]{4}))|\s*/\s*[\w-]{1,40}[\s-][^<>]{0,80}?[0-9a-f]{8})"
)

#: What is no text: controls but tab and line ends, the sign for bytes that could not be read, private and no characters.
_NO_TEXT = r"[\x00-\x08\x0B\x0E-\x1F\x7F-\x{84}\x{86}-\x{9F}\x{FFFD}\x{E000}-\x{F8FF}\x{F0000}-\x{10FFFF}]"


def find(texts: Mapping[str, pa.Array], limits: Limits, raw: Mapping[str, pa.Array] | None = None) -> list[Finding]:
    """What is wrong with the shape of the cleaned *texts*, by column (at least one), all of the same length.

    *raw* holds the same columns as they came, without which what the cleaning took away is not counted.
    """
    found = list(_tokens(list(texts.values()), limits))
    for name, column in texts.items():
        shape = _column(column, (raw or texts)[name], limits)
        found.extend(finding._replace(detail=f"{finding.detail} (column {name!r}).") for finding in shape)
    return found


def offset(text: str, rule: str, limits: Limits) -> int | None:
    """Where in *text* as it came (characters) is what *rule* says of it; None where that has no place."""
    patterns = {rule: pattern for rule, (pattern, _) in REMOVED.items()} | dict(REPORTED)
    tags = {name: f"(?i){pattern}" for name, pattern, _, _ in _tags(limits)}
    patterns |= tags
    if rule not in patterns:
        return None
    plain = text.translate(_TAG_LOOKALIKES) if rule in tags else text
    at = pc.find_substring_regex(array([plain], pa.string()), patterns[rule])[0].as_py()
    return None if at < 0 else len(plain.encode()[:at].decode())


def _column(texts: pa.Array, raw: pa.Array, limits: Limits) -> Iterator[Finding]:
    yield from _lines(texts, limits)
    yield from _binary(raw, limits)
    yield from _repetition(texts, limits)
    yield from _forged(texts, limits)


def _finding(row: int, rule: str, severity: Severity, detail: str) -> Finding:
    return Finding(row, "structure", rule, severity, 1.0, detail)


def _tokens(texts: list[pa.Array], limits: Limits) -> Iterator[Finding]:
    sizes = array([0] * len(texts[0]), pa.int64())
    for column in texts:
        sizes = pc.add(sizes, pc.fill_null(pc.cast(pc.binary_length(column), pa.int64()), scalar(0, pa.int64())))
    for row in rows_where(pc.greater(sizes, scalar(int(limits.max_tokens * BYTES_A_TOKEN), pa.int64()))):
        tokens = round(sizes[row].as_py() / BYTES_A_TOKEN)
        detail = f"the text has about {tokens:,} tokens, {limits.max_tokens:,} are allowed."
        yield _finding(row, "too_many_tokens", "high", detail)


def _longer(texts: pa.Array, size: int) -> tuple[list[int], pa.Array]:
    """The rows longer than *size* bytes, and their texts."""
    rows = rows_where(pc.greater(pc.binary_length(texts), scalar(size, pa.int64())))
    return rows, texts.take(array(rows, pa.int64()))


def _lines(texts: pa.Array, limits: Limits) -> Iterator[Finding]:
    rows, some = _longer(texts, limits.max_line)
    for row, text in zip(rows, some.to_pylist(), strict=True):
        if (longest := max(map(len, text.split("\n")))) > limits.max_line:
            yield _finding(row, "long_line", "medium", f"the text has a line of {longest:,} characters")
    rows, some = _longer(texts, limits.max_lines)
    for row, breaks in zip(rows, pc.count_substring(some, "\n").to_pylist(), strict=True):
        if breaks >= limits.max_lines:
            yield _finding(row, "too_many_lines", "medium", f"the text has {breaks + 1:,} lines")


def _binary(raw: pa.Array, limits: Limits) -> Iterator[Finding]:
    rows = rows_where(pc.match_substring_regex(raw, _NO_TEXT))
    some = raw.take(array(rows, pa.int64()))
    counts = zip(
        rows, pc.count_substring_regex(some, _NO_TEXT).to_pylist(), pc.utf8_length(some).to_pylist(), strict=True
    )
    for row, odd, length in counts:
        if odd >= limits.no_text_from and odd > limits.max_no_text * length:
            yield _finding(row, "binary", "high", f"{odd / length:.0%} of the characters are not text")


def _repetition(texts: pa.Array, limits: Limits) -> Iterator[Finding]:
    rows, some = _longer(texts, limits.repetition_from)
    for row, data in zip(rows, some.cast(pa.binary()).to_pylist(), strict=True):
        ratio = len(data) / len(zlib.compress(data, 1))
        if ratio > limits.max_repetition:
            yield _finding(row, "repetition", "medium", f"the text repeats itself: it compresses {ratio:.0f} times")


def _forged(texts: pa.Array, limits: Limits) -> Iterator[Finding]:
    odd, some = foreign_where(texts, _ODD_BRACKET)
    plain = array([text.translate(_TAG_LOOKALIKES) for text in some.to_pylist()], pa.string())
    for rule, pattern, severity, says in _tags(limits):
        closed = dict.fromkeys(_hits(texts, pattern))
        yield from (_finding(row, rule, severity, says) for row in closed)
        for hit in _hits(plain, pattern):
            if odd[hit] not in closed:
                yield _finding(odd[hit], rule, severity, f"{says}, in brackets that look alike")


def _tags(limits: Limits) -> Iterator[tuple[str, str, Severity, str]]:
    """The rules about tags: their pattern (RE2, whatever the case), how grave it is, and what it says of a text.

    No text can close the delimiter it stands in, since that holds a nonce (core/requests/request_bytes.py). So only a text that
    tries to, by their form, is hostile; the tags of a prompt stand in many an honest text.
    """
    yield "delimiter_forging", _OWN_TAG, "high", "the text forges the delimiter it stands in"
    if limits.confidential:
        yield (
            CONFIDENTIAL_WORD,
            re.escape(limits.confidential),
            "high",
            "the text holds the word that no answer may hold",
        )
    if limits.closing_tags:
        says = "the text closes a tag of the prompt, which has no effect"
        yield "closes_tag", "|".join(map(_loose, limits.closing_tags)), "low", says


def _loose(tag: str) -> str:
    """The closing *tag* as RE2, with room between its pieces."""
    return r"\s*".join(re.sub(r"([^\w])", r"\\\1", piece) for piece in re.findall(r"\w+|[^\w\s]", tag))


def _hits(texts: pa.Array, pattern: str) -> list[int]:
    return rows_where(pc.match_substring_regex(texts, pattern, ignore_case=True))
