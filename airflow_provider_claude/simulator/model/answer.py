"""One prompt in, one message out: the same for a row of a batch and for `/v1/messages`.

Pure: the seed and the misbehaviour are arguments.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from airflow_provider_claude.simulator.model.behaviour import Behaviour
from airflow_provider_claude.simulator.model.chance import chance, digest, identifier
from airflow_provider_claude.simulator.model.credulous import names, obeys
from airflow_provider_claude.simulator.model.label_noise import Asking, LabelNoise
from airflow_provider_claude.simulator.model.prompt import Prompt
from airflow_provider_claude.simulator.model.prompt_cache import Split
from airflow_provider_claude.simulator.model.property_values import Cue, Pack
from airflow_provider_claude.simulator.model.request_params import Terms, item_text
from airflow_provider_claude.simulator.model.sentiment import WORD_LIMIT
from airflow_provider_claude.simulator.model.shape import Shape
from airflow_provider_claude.simulator.model.strings import excerpt
from airflow_provider_claude.simulator.model.token_counts import BYTES_PER_TOKEN, tokens, utf8_size
from airflow_provider_claude.simulator.model.unsteady import text_answered

#: Thinking tokens by effort, least and most.
THINKING_TOKENS = {"low": (10, 80), "medium": (40, 300), "high": (150, 900), "xhigh": (400, 2000), "max": (800, 4000)}

Slip = Literal["", "refusal", "refusal_midway", "truncated", "invalid_json", "case_drift"]
_SLIPS: tuple[Slip, ...] = ("refusal", "refusal_midway", "truncated", "invalid_json", "case_drift")
_REFUSED = {"type": "refusal", "category": "general_harms", "explanation": "This request was declined."}


class Setting(NamedTuple):
    """What an answer depends on besides the request. *name* is the custom id, or "" on the sync route.

    *serial* distinguishes answers to the same request; *words* is how many words of a text its sentiment is read from. *at*: when
    it starts, in simulated epoch seconds.
    """

    seed: int
    name: str
    terms: Terms
    behaviour: Behaviour
    serial: str | int = ""
    words: int = WORD_LIMIT
    label_noise: LabelNoise = LabelNoise()
    at: float = 0.0

    @property
    def asking(self) -> Asking | None:
        """This attempt at an answer, where labels are unsteady."""
        noise = self.label_noise
        return None if noise.is_none else Asking(noise, self.seed, f"{self.serial}/{self.name}", self.at)


class Reply(NamedTuple):
    """A message as the API writes it, and what the books need: *billed* is False for a refusal before any output."""

    message: dict[str, Any]
    output_tokens: int
    billed: bool


class _Output(NamedTuple):
    content: list[dict[str, Any]]
    stop_reason: str
    tokens: int
    thinking: int = 0
    stop_sequence: str | None = None


def answer(prompt: Prompt, setting: Setting) -> Reply:
    """The reply to *prompt*."""
    seed = digest(setting.seed, setting.name or prompt.asked)
    slip = _slip(seed / 2**64, setting.behaviour)
    output = _output(prompt, slip, seed, setting)
    message = {
        "id": identifier("msg", setting.seed, setting.serial, setting.name),
        "type": "message",
        "role": "assistant",
        "model": prompt.shape.model.id,
        "content": output.content,
        "stop_reason": output.stop_reason,
        "stop_sequence": output.stop_sequence,
        "stop_details": _REFUSED if output.stop_reason == "refusal" else None,
        "usage": _usage(prompt.split, output, setting.terms),
    }
    return Reply(message, output.tokens, slip != "refusal")


def _slip(draw: float, behaviour: Behaviour) -> Slip:
    for name in _SLIPS:
        draw -= getattr(behaviour, name)
        if draw < 0:
            return name
    return ""


def _output(prompt: Prompt, slip: Slip, seed: int, setting: Setting) -> _Output:
    if slip == "refusal":
        return _Output([], "refusal", tokens(40))
    room, shape = prompt.params.max_tokens, prompt.shape
    thinking = 0
    content: list[dict[str, Any]] = []
    if shape.thinks:
        thinking = chance(seed).randint(*THINKING_TOKENS[shape.effort])
        content.append({"type": "thinking", "thinking": "", "signature": f"{seed:064x}"})
    if thinking >= room or room == 0:
        return _Output(content if room else [], "max_tokens", room, min(thinking, room))
    said = _say(prompt, _cue(prompt, slip, seed, setting), slip, room - thinking)
    return said._replace(content=content + said.content, tokens=said.tokens + thinking, thinking=thinking)


def _cue(prompt: Prompt, slip: Slip, seed: int, setting: Setting) -> Cue:
    text = item_text(prompt.asked)
    believed = obeys(setting.behaviour, setting.seed, text, in_result=prompt.in_result)
    read = text_answered(text, setting.behaviour, seed)
    return Cue(
        read,
        seed,
        own=digest(setting.seed, read),
        drift=slip == "case_drift",
        words=setting.words,
        pack=Pack(prompt.asked, setting.seed, setting.behaviour, prompt.in_result),
        orders=text if believed else "",
        names=believed and names(setting.behaviour, setting.seed, text),
        secret=prompt.shape.system,
        asking=setting.asking,
    )


def _say(prompt: Prompt, cue: Cue, slip: Slip, room: int) -> _Output:
    shape = prompt.shape
    value = shape.answer(cue) if shape.answer else None
    text = msgspec.json.encode(value).decode() if shape.answer else _free_text(cue)
    length = tokens(utf8_size(text))
    if slip == "refusal_midway":
        return _Output([{"type": "text", "text": _cut(text, length // 2)}], "refusal", max(1, length // 2))
    if slip == "truncated" or length > room:
        return _truncated(shape, text, min(room, max(1, length // 2) if slip == "truncated" else room))
    if shape.tool is not None:
        return _Output([_tool_use(shape.tool, value, cue.seed)], "tool_use", length)
    if slip == "invalid_json":
        text = f"Here is the answer: {text[:-1]}"
    for stop in prompt.params.stop_sequences or ():
        if shape.answer is None and stop in text:
            return _Output([_text(text[: text.index(stop)])], "stop_sequence", length, stop_sequence=stop)
    return _Output([_text(text)], "end_turn", length)


def _truncated(shape: Shape, text: str, room: int) -> _Output:
    if shape.tool is not None:
        return _Output([_tool_use(shape.tool, {}, len(text))], "max_tokens", room)
    return _Output([_text(_cut(text, room))], "max_tokens", room)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _tool_use(name: str, value: Any, seed: int) -> dict[str, Any]:
    return {"type": "tool_use", "id": identifier("toolu", seed), "name": name, "input": value}


def _cut(text: str, room: int) -> str:
    return text.encode()[: int(room * BYTES_PER_TOKEN)].decode(errors="ignore")


def _free_text(cue: Cue) -> str:
    compound = cue.feeling["compound"]
    tone = "positive" if compound >= 0.05 else "negative" if compound <= -0.05 else "neutral"
    return f"The text reads as {tone}. It begins: {excerpt(cue.text, 12)}"


def _usage(charged: Split, output: _Output, terms: Terms) -> dict[str, Any]:
    return {
        "input_tokens": charged.fresh,
        "cache_creation_input_tokens": charged.write_5m + charged.write_1h,
        "cache_read_input_tokens": charged.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": charged.write_5m,
            "ephemeral_1h_input_tokens": charged.write_1h,
        },
        "output_tokens": output.tokens,
        "output_tokens_details": {"thinking_tokens": output.thinking},
        "server_tool_use": None,
        "service_tier": terms.channel,
        "inference_geo": "not_available",
    }
