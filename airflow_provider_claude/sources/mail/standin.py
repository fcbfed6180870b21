"""Whether a text shows anything, and whether a plain text only stands in for the HTML beside it."""

from __future__ import annotations

import re

#: A text of more words does not only stand in for the HTML.
STAND_IN_WORDS = 100

_VISIBLE = re.compile(
    "[^\\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc\U000e0000-\U000e0fff]"
)

#: What a text that stands in for the HTML speaks of.
_OF_PROGRAMS = re.compile(
    r"(?<![a-z0-9])html(?![a-z0-9])|html[-\s]?(?:mail|format|version|e-?mail|形式|メール|格式)|\bmime\b|multi-?part|web[-\s]?versi|"
    r"online[-\s]?(?:vers|ansicht|visning)|version en ligne|versión en línea|versão online|wersj\w online|"
    r"browser|selaimessa|navegador|navigateur|navegator|prohlížeč|przeglądar|webbläsar|nettleser|selaimes|tarayıcı|браузер|переглядач|"
    r"ブラウザ|浏览器|瀏覽器|브라우저|e?-?mail[-\s]?(?:client|prog|reader|viewer|app)|client de messagerie|"
    r"cliente de correo|mailprog|почтов|メールソフト|メーラー|邮件客户端|郵件軟體|메일 프로그램|"
    r"\bview(?:ed|ing)?\b|\bdisplay|anzeig|darstell|affich|visualis|visualiz|weergeven|wyświetl|отобра|просмотр|"
    r"表示|ご覧|查看|显示|顯示|보기|표시",
    re.IGNORECASE,
)

#: What shows nothing of its own in plain text: links, names of pictures, blanks as HTML writes them.
_LINK = re.compile(
    r"(?:https?://|www\.)\S+|\[\d+\]|\[(?:inline )?(?:image|cid|bild|imagem|imagen)\b[^\]\n]{0,200}\]"
    r"|\[[\w.-]{1,80}\.(?:png|jpe?g|gif)\]"
    r"|&(?:nbsp|zwnj|zwj|shy|ensp|emsp|thinsp|#\d{1,7}|#x[0-9a-f]{1,6});",
    re.IGNORECASE,
)
#: Of two texts that say different things, the one that is longer by so many letters is the one that is meant to be read.
_LONGER = 20
_NO_LETTER = re.compile(r"[\W_]+")
_IDEOGRAPHS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def is_blank(text: str) -> bool:
    """Whether *text* shows nothing: blanks, controls and characters without a shape."""
    return _VISIBLE.search(text) is None


def stands_in(plain: str, html: str) -> bool:
    """Whether the text *plain* only stands in for the text *html*: it is short, and it is not what the HTML says, or only
    a beginning of it. ("Please use a program that shows HTML", in any language.)
    """
    words = _LINK.sub(" ", plain[:20_000])
    written, seen = letters(words), letters(html)
    if not written or len(words.split()) > STAND_IN_WORDS or len(written) > 10 * STAND_IN_WORDS:
        return not written and bool(seen)
    if len(seen) > 4 * len(written) + 300:
        return True
    more = len(seen) > len(written) + _LONGER or (len(seen) * 2 > len(written) and _is_of_programs(plain))
    return more and _share(written, seen) < 0.3


def _is_of_programs(text: str) -> bool:
    return _OF_PROGRAMS.search(text) is not None and (len(text.split()) > 3 or _IDEOGRAPHS.search(text) is not None)


def _share(written: str, seen: str) -> float:
    """How much of *written* is in *seen*, by pieces of a few letters."""
    size = min(len(written), 6 if _IDEOGRAPHS.search(written) else 12)
    pieces = [written[at : at + size] for at in range(0, len(written) - size + 1, size)]
    return sum(piece in seen for piece in pieces) / len(pieces)


def letters(text: str) -> str:
    """The letters and digits of *text*, in small letters and on end."""
    return _NO_LETTER.sub("", text.casefold())
