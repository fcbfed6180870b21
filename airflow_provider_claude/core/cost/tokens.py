"""How many tokens a job will use, from bytes: a guess until the trial request has calibrated it."""

from __future__ import annotations

from dataclasses import dataclass

#: Bytes of English text a token. Haiku 5.5's tokenizer yields about 30 % more tokens than its predecessor's, whose
#: rule of thumb was four bytes (https://platform.claude.com/docs/en/about-claude/models, migration guide, 2026).
BYTES_A_TOKEN = 3.1

#: Answer tokens assumed before a real answer was seen.
ASSUMED_OUTPUT = 40


#: How much of the model the newest measured request is.
_NEWEST = 0.05


@dataclass(frozen=True, kw_only=True)
class TokenModel:
    """Tokens a request: `bytes × input_per_byte`, and `output` for the answer."""

    input_per_byte: float = 1 / BYTES_A_TOKEN
    output: float = ASSUMED_OUTPUT
    measured: bool = False

    def calibrated(self, *, request_bytes: int, input_tokens: int, output_tokens: int) -> TokenModel:
        """The model that agrees with one measured request."""
        if input_tokens <= 0 or request_bytes <= 0:
            return self
        return TokenModel(
            input_per_byte=input_tokens / request_bytes,
            output=output_tokens or self.output,
            measured=True,
        )

    def learned(self, *, request_bytes: int, input_tokens: float, output_tokens: float) -> TokenModel:
        """The model after one more measured request; it counts for as much as the last few dozen do."""
        seen = self.calibrated(
            request_bytes=request_bytes, input_tokens=round(input_tokens), output_tokens=round(output_tokens)
        )
        share = _NEWEST if self.measured else 1.0
        return TokenModel(
            input_per_byte=self.input_per_byte + share * (seen.input_per_byte - self.input_per_byte),
            output=self.output + share * (seen.output - self.output),
            measured=True,
        )

    def input_tokens(self, request_bytes: int) -> int:
        return round(request_bytes * self.input_per_byte)

    def output_tokens(self, requests: int) -> int:
        return round(requests * self.output)
