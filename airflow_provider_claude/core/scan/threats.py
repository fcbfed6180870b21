"""What a text must not say to the model that reads it: a small set of rules for the obvious, chosen for precision.

Patterns are RE2, matched without regard to case on cleaned text. What the rules miss still meets the job's own
delimiters and its schema.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.scan.findings import Finding, Severity
from airflow_provider_claude.core.scan.normalise import rows_where


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing to look for. *id* becomes the reason or the flag; *catches* completes “the text …”."""

    id: str
    severity: Severity
    pattern: str
    catches: str


#: A character of a word. Classes of Unicode letters would make the patterns a hundred times slower.
_W = r"[^\s.,;:!?]"

_SKIPPED = r"(?:\s+(?:all|any|every|each|of|the|your|my|our|these|those|this|other|and))"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|foregoing|former|existing|original|initial|system)(?:ly)?"
_ORDERS = r"(?:instructions?|prompts?|directions?|directives?|guidelines?|commands?|rules|orders|programming|training)"
_LABEL = r"[\"'“”‘’`*]*(?:positive|negative|neutral)\b"

BASELINE: tuple[Rule, ...] = (
    Rule(
        id="override",
        severity="high",
        pattern=(
            rf"\b(?:ignore|disregard|forget|override|bypass){_SKIPPED}{{0,4}}\s+{_EARLIER}(?:\s+(?:given|{_W}+))?\s+{_ORDERS}\b"
            rf"|\b(?:ignore|disregard|forget|override|bypass){_SKIPPED}{{0,4}}\s+{_ORDERS}\s+(?:above|before|(?:that\s+)?you)\b"
            r"|\b(?:ignore|disregard|forget)\s+(?:everything|anything|all)\s+(?:above|before\s+this|(?:that\s+)?you\s+(?:were|have\s+been|learned))\b"
            r"|\bstop\s+following\s+(?:your|the|all)\s+(?:previous\s+|prior\s+|system\s+)?instructions\b"
            rf"|\b(?:ignorier|vergiss|vergesse|missacht){_W}*\s+(?:{_W}+\s+){{0,2}}(?:vorherig|bisherig|obig|vorig|früher|ursprünglich){_W}*\s+(?:anweisung|instruktion|vorgabe|befehl|regel)"
            rf"|\b(?:ignor|oubli|ignora|ignore|olvid|esque[cç]){_W}*\s+(?:{_W}+\s+){{0,2}}(?:instru[cç]{_W}+|consignes|directives|[oó]rdenes|ordens|istruzioni)\s+(?:{_W}+\s+)?(?:pr[eé]c[eé]dent|ant[eé]rieur|ci-dessus|anterior|previ|pr[eé]vi|precedent)"
            rf"|\b(?:ignor|olvid|esque[cç]){_W}*\s+(?:{_W}+\s+){{0,2}}(?:anterior|previ|precedent){_W}*\s+(?:instru[cç]|[oó]rden|orden|istruzion)"
            r"|(?:以前|これまで|上記|上|前|今まで)の(?:すべての|全ての)?(?:指示|命令|プロンプト|ルール)[^\n]{0,6}(?:無視|忘れ)"
        ),
        catches="tells its reader to drop its instructions",
    ),
    Rule(
        id="label_steering",
        severity="high",
        pattern=(
            r"\b(?:respond|answer|reply|output|return|label|classify|categori[sz]e|tag)\s+(?:(?:this|it|the|that|my|your)\s+)?"
            rf"(?:(?:e-?mail|message|mail|text|review|sentiment|answer|only|always|simply|just)\s+){{0,3}}(?:as|with|is)\s+(?:only\s+)?{_LABEL}"
            rf"|\b(?:must|should|shall|has\s+to)\s+be\s+(?:labell?ed|classified|categori[sz]ed|tagged)\s+(?:as\s+)?{_LABEL}"
            rf"|\b(?:set|output|return)\s+(?:the\s+)?[\"'`]?sentiment[\"'`]?\s+(?:to|as|=)\s+{_LABEL}"
        ),
        catches="dictates the label it wants",
    ),
    Rule(
        id="persona",
        severity="high",
        pattern=(
            rf"\byou\s+are\s+now\s+(?:(?:in|a|an|the|my|no\s+longer)\s+)?(?:{_W}+\s+){{0,2}}(?:ai|assistant|chatbot|language\s+model|llm|dan|jailbroken|unrestricted|unfiltered|developer\s+mode|debug\s+mode)\b"
            r"|\b(?:act|behave|respond|answer)\s+as\s+(?:an?\s+)?(?:unrestricted|unfiltered|jailbroken|uncensored)\b"
            r"|\byou\s+are\s+(?:now\s+)?going\s+to\s+(?:act|pretend)\b|\bdo\s+anything\s+now\b"
        ),
        catches="gives its reader another role",
    ),
    Rule(
        id="prompt_probe",
        severity="high",
        pattern=(
            r"\b(?:reveal|repeat|print|show|output|display|disclose|leak|tell\s+me|give\s+me|what\s+(?:is|are|was|were))\s+(?:me\s+)?(?:all\s+)?(?:of\s+)?(?:your|the)\s+"
            rf"(?:{_W}+\s+)?(?:system\s+(?:prompt|message|instructions?)|(?:initial|hidden|secret|original)\s+(?:prompt|instructions?)|developer\s+message)\b"
        ),
        catches="asks for the prompt",
    ),
    Rule(
        id="note_to_model",
        severity="high",
        pattern=(
            r"\b(?:note|message|attention|instructions?|important)\s*(?:to|for|:)\s+(?:the\s+|any\s+|all\s+)?"
            r"(?:ais?|llms?|large\s+language\s+models?|language\s+models?|ai\s+(?:models?|assistants?|systems?|agents?|readers?)|(?:automated|sentiment)\s+(?:classifiers?|readers?))\b"
            r"|\bif\s+you\s+are\s+an?\s+(?:ai|llm|(?:large\s+)?language\s+model)\b"
        ),
        catches="addresses a language model",
    ),
    Rule(
        id="role_forging",
        severity="high",
        pattern=(
            r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text)\|>"
            r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|\n\s*\n\s*human:\s|^\s*human:\s"
            r"|(?:^|\n)\s*#{2,}\s*(?:system|instructions?|new\s+instructions?|assistant|human)\s*:"
            r"|</?(?:system|system_?prompt|system_?message|assistant|system-reminder|function_calls?|tool_result)>"
            r"|\b(?:begin|end|new)\s+(?:of\s+)?(?:the\s+)?system\s+(?:prompt|instructions?|message)\b"
        ),
        catches="forges a turn of the conversation",
    ),
    Rule(
        id="new_instructions",
        severity="medium",
        pattern=r"(?:^|\n)\W*(?:new|updated|revised)\s+(?:instructions?|task|prompt)\s*:",
        catches="announces new instructions",
    ),
    Rule(
        id="assistant_turn",
        severity="medium",
        pattern=r"\n\s*\n\s*(?:assistant|system|user|ai):\s",
        catches="has a line that begins like a turn of a conversation",
    ),
    Rule(
        id="states_sentiment",
        severity="medium",
        pattern=rf"\bsentiment[\"'`]?\s*(?:[:=]|is|should\s+be|must\s+be)\s*{_LABEL}",
        catches="states its own sentiment",
    ),
)


def closing_tag_rule(tags: Sequence[str]) -> Rule | None:
    """The rule that keeps a text from closing the delimiters it will stand in, such as `</email>`; None without any."""
    if not tags:
        return None
    loose = [r"\s*".join(map(_escaped, re.findall(r"\w+|[^\w\s]", tag))) for tag in tags]
    return Rule(
        id="delimiter_forging",
        severity="high",
        pattern="|".join(loose),
        catches="closes the delimiter it stands in",
    )


def _escaped(piece: str) -> str:
    return re.sub(r"([^\w])", r"\\\1", piece)


@dataclass(frozen=True)
class RuleSet:
    """Rules, with one pattern for all of them, so that a clean row costs one pass."""

    rules: tuple[Rule, ...]

    @cached_property
    def any(self) -> str:
        return "|".join(f"(?:{rule.pattern})" for rule in self.rules)

    def hits(self, texts: pa.Array) -> list[tuple[int, Rule]]:
        """The rows of *texts* and the rules they break, in the order of the rules."""
        rows = rows_where(pc.match_substring_regex(texts, self.any, ignore_case=True))
        if not rows:
            return []
        some = texts.take(pa.array(rows))
        return [
            (rows[n], rule)
            for rule in self.rules
            for n in rows_where(pc.match_substring_regex(some, rule.pattern, ignore_case=True))
        ]

    def find(self, texts: pa.Array) -> list[Finding]:
        """The same as findings."""
        return [
            Finding(row, "signatures", rule.id, rule.severity, 0.9, f"the text {rule.catches}")
            for row, rule in self.hits(texts)
        ]


def rule_set(closing_tags: Sequence[str] = (), rules: Sequence[Rule] = BASELINE) -> RuleSet:
    return RuleSet((*filter(None, [closing_tag_rule(closing_tags)]), *rules))
