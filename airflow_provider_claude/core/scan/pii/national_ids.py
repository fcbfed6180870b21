"""National ids, checked by python-stdnum. A number that its checksum or shape cannot identify counts only
after a word that names it, such as "SSN" or "BSN", on the same line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from airflow_provider_claude.core.scan.pii.hits import Finder, Hit, each_text

#: Characters before a number in which a word that names it is looked for.
_REACH = 40


@dataclass(frozen=True, slots=True)
class NationalId:
    """One kind of id. *shape* is a pattern for Python and RE2 alike, *word* what has to stand before it, if anything."""

    country: str
    number: str
    shape: str
    word: str = ""
    pattern: re.Pattern[str] = field(init=False)
    before: re.Pattern[str] | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(rf"(?<![\w.+#$/-])(?:{self.shape})(?![\w/-]|\.\d)"))
        before = re.compile(rf"\b(?:{self.word})\b[^\n]*\Z", re.IGNORECASE) if self.word else None
        object.__setattr__(self, "before", before)

    def find(self, text: str) -> list[Hit]:
        from stdnum import get_cc_module

        module = get_cc_module(self.country.lower(), self.number)
        return [
            Hit(*match.span(), re.sub(r"[^A-Z0-9+]", "", match[0]))
            for match in self.pattern.finditer(text)
            if module and self._named(text, match.start()) and module.is_valid(match[0])
        ]

    def _named(self, text: str, start: int) -> bool:
        return self.before is None or self.before.search(text[max(0, start - _REACH) : start]) is not None


NATIONAL_IDS: tuple[NationalId, ...] = (
    NationalId("US", "ssn", r"\d{3}-\d{2}-\d{4}"),
    NationalId("US", "ssn", r"\d{3} ?\d{2} ?\d{4}", r"ssn|social security(?: (?:number|no))?"),
    NationalId("US", "itin", r"9\d{2}-[5-9]\d-\d{4}"),
    NationalId("CA", "sin", r"\d{3}[ -]?\d{3}[ -]?\d{3}", r"sin|nas|social insurance(?: number)?"),
    NationalId("GB", "nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", r"nhs"),
    NationalId("IE", "pps", r"\d{7}[A-W][A-IW]?", r"pps|ppsn"),
    NationalId("AU", "tfn", r"\d{3} ?\d{3} ?\d{2,3}", r"tfn|tax file(?: number)?"),
    NationalId("DE", "idnr", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", r"id-?nr|steuer\S*|identifikationsnummer|tax id"),
    NationalId("FR", "nir", r"[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3} ?\d{2}"),
    NationalId("ES", "dni", r"\d{8}-?[A-Z]"),
    NationalId("ES", "nie", r"[XYZ]-?\d{7}-?[A-Z]"),
    NationalId("IT", "codicefiscale", r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]"),
    NationalId("NL", "bsn", r"\d{4}[. ]?\d{2}[. ]?\d{3}", r"bsn|burgerservicenummer|sofi(?:nummer)?"),
    NationalId("BE", "nn", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}"),
    NationalId("CH", "ssn", r"756\.\d{4}\.\d{4}\.\d{2}"),
    NationalId("PL", "pesel", r"\d{11}", r"pesel"),
    NationalId("SE", "personnummer", r"(?:\d{2})?\d{6}[-+]\d{4}"),
    NationalId("FI", "hetu", r"\d{6}[-+A]\d{3}[0-9A-Y]"),
    NationalId("DK", "cpr", r"\d{6}-?\d{4}", r"cpr(?:-(?:nummer|nr))?"),
    NationalId("NO", "fodselsnummer", r"\d{6} ?\d{5}"),
    NationalId("BR", "cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}"),
    NationalId("BR", "cpf", r"\d{11}", r"cpf"),
    NationalId("MX", "curp", r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d"),
    NationalId("IN", "aadhaar", r"[2-9]\d{3} ?\d{4} ?\d{4}", r"aadhaa?r|uidai"),
    NationalId("IN", "pan", r"[A-Z]{5}\d{4}[A-Z]"),
    NationalId("CN", "ric", r"\d{17}[0-9X]"),
    NationalId("KR", "rrn", r"\d{6}-[1-8]\d{6}"),
    NationalId("ZA", "idnr", r"\d{13}", r"id(?: (?:number|no))?"),
)

#: The countries whose ids are known.
COUNTRIES = tuple(dict.fromkeys(one.country for one in NATIONAL_IDS))


def finder(countries: Iterable[str] = COUNTRIES) -> Finder:
    """A finder of the ids of *countries* (ISO 3166 codes, upper case)."""
    ids = [one for one in NATIONAL_IDS if one.country in set(countries)]
    return each_text(_hint(ids), lambda text: [hit for one in ids for hit in one.find(text)])


def _hint(ids: Sequence[NationalId]) -> str:
    shapes = "|".join(f"(?i:{one.word})[^\\n]*\\b(?:{one.shape})\\b" if one.word else one.shape for one in ids)
    return rf"\b(?:{shapes})\b"
