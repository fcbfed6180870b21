"""Takes secrets out of a text that people and logs will see: keys, header values, and passwords in addresses.

The exceptions of HTTP libraries, stores and databases quote what they were given (h11: `Illegal header value b'sk-…'`). Airflow
masks the secrets it knows, and only as they are: not with a line end or escaped. So this module masks by form, and masks too much
rather than too little.
"""

from __future__ import annotations

import re

HIDDEN = "***"

#: What is quoted or plain after a name; `<API key>` and such stand for a value, and are none.
_QUOTED = r"""b?'(?!<)(?:[^'\\]|\\.)*'|b?"(?!<)(?:[^"\\]|\\.)*\""""
_PLAIN = r"[^\s'\"<>,;&)}\]]+"

#: Names whose value is a secret: headers, parameters of signed addresses, fields of connection strings.
_NAMES = (
    r"(?:proxy-)?authorization|x-api-key|[\w-]*api[_-]?key|(?:set-)?cookie|passw(?:or)?d|pwd|"
    r"(?:[\w-]*[_-])?(?:secret|auth|access|account|shared|session|security|bearer|refresh|id)[_-]?(?:access[_-]?)?(?:key|token)|"
    r"client[_-]?secret|private[_-]?key|accountkey|sharedaccesskey|x-amz-(?:signature|credential|security-token)|sig|signature|token"
)

#: What may repeat before a form has failed is bounded: a text may come from an attacker, and be long.
_FORMS = [
    (re.compile(rf"(?i)(illegal header (?:name|value):? ?)(?:{_QUOTED}|.+)"), rf"\1{HIDDEN}"),
    # a password may hold a slash or an @; a port is none
    (re.compile(r"(://)[^\s/@:'\"]{0,500}:(?!\d{1,5}[/?#])[^\s'\"]{0,500}@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)(https?://)[^\s/@'\"]{1,500}@"), rf"\1{HIDDEN}@"),
    (
        re.compile(
            rf"(?i)((?<![\w-])(?:{_NAMES})['\"]?\s{{0,3}}(?:[:=]|,(?=\s{{0,3}}b?['\"]))\s{{0,3}})"
            rf"(?:{_QUOTED}|(?:(?:bearer|basic)\s+)?{_PLAIN})"
        ),
        rf"\1{HIDDEN}",
    ),
    # "basic authentication" is no credential
    (re.compile(r"\b((?i:bearer|basic))\s+(?=[a-z.-]*[\dA-Z_~+=])[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"(?i)(https://(?:hooks\.slack\.com|[\w.-]{0,253}webhook[\w.-]{0,253}|discord(?:app)?\.com/api/webhooks)/)[^\s'\"]+"
        ),
        rf"\1{HIDDEN}",
    ),
    # what is made of words and numbers, such as "sk-learn-notes-of-2026", is a name
    (re.compile(r"\bsk-(?:ant-[\w-]*|(?=[\w-]{0,200}(?:[A-Z]|\d[a-z]|[a-z]\d))[\w-]{16,})"), HIDDEN),
]


def masked(text: str) -> str:
    """*text* without secrets: `***` stands for each."""
    for form, instead in _FORMS:
        text = form.sub(instead, text)
    return text
