"""How many tokens a job will use, from bytes: a guess until the trial request has calibrated it.

A request whose row stands in a tool result has more tokens than its bytes say: the API adds a prompt of its own to each that
has tools. So the two placements are counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

#: Bytes of English text a token. Haiku 5.5's tokenizer yields about 30 % more tokens than its predecessor's, whose
#: rule of thumb was four bytes (https://platform.claude.com/docs/en/about-claude/models, migration guide, 2026).
BYTES_A_TOKEN = 3.1

#: Tokens that the API adds to a request with tools, until they are counted: 496 on Haiku 4.5, 354 on Sonnet 5, 286 on Opus 5;
#: not published for Haiku 5.5 (https://platform.claude.com/docs/en/about-claude/pricing, August 2026).
TOOL_TOKENS = 496.0

#: Answer tokens assumed before a real answer was seen.
ASSUMED_OUTPUT = 40

#: How much of the model the newest measured request is.
_NEWEST = 0.05


class Counted(NamedTuple):
    """Requests, their bytes, and the input tokens that the API counts in them, all together."""

    requests: int = 0
    bytes: int = 0
    tokens: float = 0

    def plus(self, size: int, tokens: int) -> Counted:
        """These and one more request."""
        return Counted(self.requests + 1, self.bytes + size, self.tokens + tokens)


@dataclass(frozen=True, kw_only=True)
class TokenModel:
    """Tokens a request: `bytes × input_per_byte`, `tool_tokens` more where its row stands in a tool result, and `output` for
    the answer to an item.
    """

    input_per_byte: float = 1 / BYTES_A_TOKEN
    tool_tokens: float = TOOL_TOKENS
    output: float = ASSUMED_OUTPUT
    measured: bool = False

    def fitted(self, user: Counted, result: Counted) -> TokenModel:
        """The model that agrees with requests in both placements; with those of one, as far as they tell."""
        if user.bytes and user.tokens:
            each = user.tokens / user.bytes
            more = (result.tokens - each * result.bytes) / result.requests if result.requests else self.tool_tokens
            return replace(self, input_per_byte=each, tool_tokens=max(more, 0.0), measured=True)
        if not result.bytes or not result.tokens:
            return self
        own = result.tokens - self.tool_tokens * result.requests
        tool_tokens = self.tool_tokens if own > 0 else 0.0
        return replace(
            self,
            input_per_byte=(own if own > 0 else result.tokens) / result.bytes,
            tool_tokens=tool_tokens,
            measured=True,
        )

    def calibrated(
        self, *, request_bytes: int, input_tokens: float, output_tokens: float, in_result: bool = False
    ) -> TokenModel:
        """The model that agrees with one measured request. *in_result*: its row stands in a tool result."""
        if input_tokens <= 0 or request_bytes <= 0:
            return self
        one = Counted(1, request_bytes, input_tokens)
        fitted = self.fitted(Counted(), one) if in_result else self.fitted(one, Counted())
        return replace(fitted, output=output_tokens or self.output)

    def learned(
        self, *, request_bytes: int, input_tokens: float, output_tokens: float, in_result: bool = False
    ) -> TokenModel:
        """The model after one more measured request; it counts for as much as the last few dozen do."""
        seen = self.calibrated(
            request_bytes=request_bytes,
            input_tokens=round(input_tokens),
            output_tokens=round(output_tokens),
            in_result=in_result,
        )
        share = _NEWEST if self.measured else 1.0
        return replace(
            self,
            input_per_byte=self.input_per_byte + share * (seen.input_per_byte - self.input_per_byte),
            tool_tokens=seen.tool_tokens,
            output=self.output + share * (seen.output - self.output),
            measured=True,
        )

    def input_tokens(self, request_bytes: int, in_results: int = 0) -> int:
        """The tokens of requests of *request_bytes* bytes together, *in_results* of them with their row in a tool result."""
        return round(request_bytes * self.input_per_byte + in_results * self.tool_tokens)

    def output_tokens(self, requests: int) -> int:
        return round(requests * self.output)
