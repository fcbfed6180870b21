"""Separates what a writer wrote from quoted text and from the signature under it.

Line by line, in one pass, whatever the text: time grows with its length alone. Nothing is lost: every line that is not
blank is in exactly one of body, quotation and signature. Where it would all be quotation or signature, all is body.

A quotation is lines that begin with `>` (with the line over them that says who wrote), or the rest of the text after
such a line, a divider or the header of another mail. A signature is the end of the rest: after `-- `, a mailing
list's rule, a closing ("Best regards,") with few short lines under it, or "Sent from my …". Forwarded mail is body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array

#: How much of a line is looked at, in characters.
_LINE = 300

#: The longest signature, in lines; the longest under a closing, and the longest line of that.
_SIGNATURE_LINES, _CLOSING_LINES, _CLOSING_WIDTH = 25, 7, 80

_WROTE = (
    "wrote|writes|said|schrieb|a écrit|escribió|ha scritto|scrive|escreveu|schreef|skrev|skriver|napisał|napisała|napisał\\(a\\)|"
    "kirjoitti|написал|написала|пишет|пише|napsal|napsala|написа|yazdı|写道|寫道|のメッセージ|quoting|zitat von"
)
_SAID = re.compile(rf"(?:^|[\s,>])(?:{_WROTE})\b|写道|寫道", re.IGNORECASE)
_OPENING = re.compile(r"\s{0,3}(?:on|am|le|el|il|em|op|den|w dniu|dnia|på|dne|в|at|quoting)\b", re.IGNORECASE)
_ORIGINAL = (
    "original message|original-nachricht|ursprüngliche nachricht|message d'origine|mensaje original|messaggio originale|"
    "mensagem original|oorspronkelijk bericht|ursprungligt meddelande|wiadomość oryginalna|reply message|"
    "original appointment|原始邮件|исходное сообщение"
)
_DIVIDER = re.compile(rf"\s{{0,3}}[-_*]{{2,20}} ?(?:{_ORIGINAL}) ?[-_*]{{2,20}}\s*", re.IGNORECASE)
_SENDER = "from|von|de|da|van|från|fra|od|от|发件人|差出人"
_OTHERS = (
    "sent|to|cc|subject|date|reply-to|gesendet|an|kopie|betreff|datum|envoyé|à|objet|enviado|para|asunto|assunto|inviato|"
    "a|oggetto|verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|wysłano|do|temat|кому|тема|发送时间|收件人|主题"
)
_HEADER = re.compile(rf"[\s*]{{0,3}}(?:(?P<sender>{_SENDER})|{_OTHERS})[\s*]{{0,2}}[:：]", re.IGNORECASE)
_FORWARDED = re.compile(
    "forwarded|weitergeleitet|transféré|reenviad|inoltrat|encaminhad|doorgestuurd|vidarebefordra|videresendt|przekazan|"
    "пересыла|переслан|转发|轉寄|転送|전달",
    re.IGNORECASE,
)
_DEVICE = (
    "sent from my|sent from mail|sent from outlook|sent from yahoo|sent with|get outlook for|von meinem|gesendet von|"
    "envoyé de mon|envoyé depuis|enviado desde mi|enviado do meu|inviato da|verzonden vanaf|verstuurd vanaf|skickat från|"
    "sendt fra|wysłano z|отправлено с"
)
_SENT_FROM = re.compile(rf"\s{{0,3}}(?:{_DEVICE})\b", re.IGNORECASE)
_CLOSINGS = (
    "best regards|kind regards|warm regards|regards|best wishes|best|sincerely|yours sincerely|yours truly|yours faithfully|"
    "cheers|mit freundlichen grüßen|mit freundlichen grüssen|freundliche grüße|viele grüße|beste grüße|liebe grüße|mfg|"
    "cordialement|bien cordialement|salutations|saludos|un saludo|atentamente|cordiali saluti|distinti saluti|saluti|"
    "atenciosamente|cumprimentos|met vriendelijke groet|groeten|med vänliga hälsningar|mvh|med venlig hilsen|pozdrawiam|"
    "z poważaniem|с уважением"
)
_CLOSING = re.compile(rf"\s{{0,3}}(?:{_CLOSINGS})\s{{0,3}}[,.!]?\s*", re.IGNORECASE)
_RULE = re.compile(r"_{30,}\s*")

#: What any text with a quotation or a signature has, in RE2: the others are not looked at line by line.
_SUSPECT = (
    rf"(?im)^[\s\v\x1c-\x1f\x{{85}}\p{{Z}}]*>|^--\s*$"
    rf"|^_{{30}}|^\s*(?:{_CLOSINGS})\s*[,.!]?\s*$|(?:{_WROTE})[^\n]*[:：]\s*$|(?:{_ORIGINAL}) ?[-_*]"
    rf"|^\s*(?:{_DEVICE})|^[\s*]*(?:{_SENDER})[\s*]*[:：]"
)


class Reply(NamedTuple):
    """The parts of a text, each with its lines in their order."""

    body: str
    quoted: str
    signature: str


class Bodies(NamedTuple):
    """Texts without what was dropped, and by flag (`reply_dropped`, `signature_dropped`) the rows it was dropped from."""

    texts: pa.Array
    changes: Mapping[str, list[int]]


def split_reply(text: str) -> Reply:
    """The parts of *text*. Its body is *text* itself where there is but a body."""
    lines = text.split("\n")
    quoted = _quoted([line[:_LINE] for line in lines])
    kept = [line for line, is_quoted in zip(lines, quoted, strict=True) if not is_quoted]
    start = _signature_start(kept)
    body = "\n".join(kept[:start]).strip()
    if not body or (start == len(kept) == len(lines)):
        return Reply(text, "", "")
    rest = [line for line, is_quoted in zip(lines, quoted, strict=True) if is_quoted]
    return Reply(body, "\n".join(rest).strip(), "\n".join(kept[start:]).strip())


def bodies(texts: pa.Array, *, replies: bool, signatures: bool) -> Bodies:
    """The strings *texts* without quoted *replies*, or without *signatures*, or both; nulls stay null."""
    suspects = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(texts, _SUSPECT), fill_value=False))
    changes: dict[str, list[int]] = {"reply_dropped": [], "signature_dropped": []}
    changed: dict[int, str] = {}
    for row, text in zip(suspects.to_pylist(), texts.take(suspects).to_pylist(), strict=True):
        reply = split_reply(text)
        if reply.quoted and replies:
            changes["reply_dropped"].append(row)
        if reply.signature and signatures:
            changes["signature_dropped"].append(row)
        body = _without(reply, replies=replies, signatures=signatures)
        if body is not None:
            changed[row] = body
    trimmed = texts
    if changed:
        mask = array([row in changed for row in range(len(texts))], pa.bool_())
        trimmed = pc.replace_with_mask(texts, mask, array(list(changed.values()), texts.type))
    return Bodies(trimmed, {flag: rows for flag, rows in changes.items() if rows})


def _without(reply: Reply, *, replies: bool, signatures: bool) -> str | None:
    """What is to be sent of *reply*; None where all of it is."""
    dropped = (bool(reply.quoted) and replies) or (bool(reply.signature) and signatures)
    if not dropped:
        return None
    kept = [reply.body, "" if signatures else reply.signature, "" if replies else reply.quoted]
    return "\n\n".join(filter(None, kept))


def _quoted(lines: list[str]) -> list[bool]:
    """For each of *lines* whether it is quoted."""
    quoted = [False] * len(lines)
    number, begun = 0, False
    while number < len(lines):
        line = lines[number]
        if _is_cited(line):
            quoted[number] = True
        elif begun and (_DIVIDER.fullmatch(line) or _is_header_of_reply(lines, number)):
            return quoted[:number] + [True] * (len(lines) - number)
        elif size := _attribution(lines, number):
            after = _next_text(lines, number + size)
            if after is not None and _is_cited(lines[after]):
                quoted[number:after] = [True] * (after - number)
                number = after
                continue
            if begun and after is not None and re.search(r"[\d@]", "".join(lines[number : number + size])):
                return quoted[:number] + [True] * (len(lines) - number)
        begun = begun or bool(line.strip())
        number += 1
    return quoted


def _is_cited(line: str) -> bool:
    return line.lstrip().startswith(">")


def _next_text(lines: list[str], start: int) -> int | None:
    """The first of *lines* from *start* on that is not blank, of the next three; None where there is none."""
    return next((n for n in range(start, min(start + 3, len(lines))) if lines[n].strip()), None)


def _attribution(lines: list[str], start: int) -> int:
    """How many lines, up to three, say from *start* on who wrote what follows (and when); 0 where they do not."""
    if not lines[start].rstrip().endswith((":", "：")) and not _OPENING.match(lines[start]):
        return 0
    said = ""
    for size, line in enumerate(lines[start : start + 3], 1):
        said = f"{said} {line.strip()}"
        if not line.strip() or len(said) > _LINE:
            return 0
        if said.endswith((":", "：")):
            return size if _SAID.search(said) else 0
    return 0


def _is_header_of_mail(lines: list[str], start: int) -> bool:
    """Whether the header of another mail begins at *start*: its sender, and two more fields within five lines."""
    first = _HEADER.match(lines[start])
    return bool(first and first["sender"]) and sum(bool(_HEADER.match(line)) for line in lines[start : start + 6]) >= 3


def _is_header_of_reply(lines: list[str], start: int) -> bool:
    """Whether the header of another mail begins at *start* that is not forwarded, and so what the mail is about."""
    if not _is_header_of_mail(lines, start):
        return False
    above = next((line for line in reversed(lines[max(0, start - 3) : start]) if line.strip()), "")
    return _FORWARDED.search(above) is None


def _signature_start(lines: list[str]) -> int:
    """Where in *lines* the signature begins; their number where there is none."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    body = next((n for n in range(end) if lines[n].strip()), end)
    indexes = range(max(body + 1, end - _SIGNATURE_LINES), end)
    return next((n for n in indexes if _begins_signature(lines, n, end)), len(lines))


def _begins_signature(lines: list[str], number: int, end: int) -> bool:
    line = lines[number][:_LINE]
    if line.rstrip() == "--" or _RULE.fullmatch(line):
        return True
    if _SENT_FROM.match(line):
        return end - number <= 3
    under = lines[number + 1 : end]
    short = len(under) <= _CLOSING_LINES and all(len(one) <= _CLOSING_WIDTH for one in under)
    return short and bool(under) and _CLOSING.fullmatch(line) is not None
