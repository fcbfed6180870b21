"""The models: ids, limits, prices and habits.

Prices are USD per million tokens at standard (not batch) rate.
Sources: https://platform.claude.com/docs/en/about-claude/pricing, …/about-claude/models/overview and
…/build-with-claude/prompt-caching (minimum cacheable tokens).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Thinking = Literal["adaptive", "always", "extended"]
Lifecycle = Literal["active", "deprecated", "retired"]

#: `output-300k-2026-03-24` raises `max_tokens` of batches to this for the models marked *long_output*.
LONG_OUTPUT = 300_000
LONG_OUTPUT_BETA = "output-300k-2026-03-24"


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens; *read* is a cache read."""

    input: Decimal
    output: Decimal
    read: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model. *dear* is the price of a whole request whose prompt exceeds 100,000 tokens.

    *hidden_tool_tokens* are those that tools add to a prompt, where none is forced and where one is: published for Haiku 4.5,
    Opus 5 and Sonnet 5, and for the others assumed to be those of Haiku 4.5. *us_factor*: by how much `inference_geo: "us"`
    raises every price.
    """

    id: str
    name: str
    created: str
    line: str
    price: Price
    dear: Price | None = None
    context: int = 1_000_000
    max_output: int = 128_000
    long_output: bool = True
    min_cacheable: int = 512
    hidden_tool_tokens: tuple[int, int] = (496, 588)
    us_factor: Decimal = Decimal("1.1")
    thinking: Thinking = "adaptive"
    forced_tools: bool = True
    prefill: bool = False
    lifecycle: Lifecycle = "active"
    retires_at: str | None = None
    aliases: tuple[str, ...] = field(default=())

    def describe(self) -> dict[str, Any]:
        """The model as `GET /v1/models` shows it."""
        yes, no = {"supported": True}, {"supported": False}
        return {
            "id": self.id,
            "type": "model",
            "display_name": self.name,
            "created_at": f"{self.created}T00:00:00Z",
            "lifecycle": self.lifecycle,
            "deprecated_at": "2026-09-30T00:00:00Z" if self.lifecycle == "deprecated" else None,
            "retires_at": self.retires_at,
            "line": self.line,
            "max_input_tokens": self.context,
            "max_tokens": self.max_output,
            "capabilities": {
                "batch": yes,
                "citations": no,
                "code_execution": no,
                "context_management": no,
                "effort": yes if self.thinking != "extended" else no,
                "image_input": yes,
                "pdf_input": yes,
                "server_tools": no,
                "structured_outputs": yes,
                "thinking": yes,
            },
        }


def _price(input_: str, output: str, read: str) -> Price:
    return Price(Decimal(input_), Decimal(output), Decimal(read))


def _opus(version: str, created: str, *, min_cacheable: int, hidden: tuple[int, int] = (496, 588)) -> Model:
    return Model(
        id=f"claude-opus-{version.replace('.', '-')}",
        name=f"Claude Opus {version}",
        created=created,
        line="opus",
        price=_price("5", "25", "0.5"),
        min_cacheable=min_cacheable,
        hidden_tool_tokens=hidden,
    )


#: Newest first, as the API lists them.
MODELS = (
    Model(
        id="claude-haiku-5-5",
        name="Claude Haiku 5.5",
        created="2026-10-07",
        line="haiku",
        price=_price("0.10", "0.50", "0.01"),
        dear=_price("0.50", "2.50", "0.05"),
    ),
    Model(
        id="claude-sonnet-5-5",
        name="Claude Sonnet 5.5",
        created="2026-09-28",
        line="sonnet",
        price=_price("2", "10", "0.10"),
        forced_tools=False,
    ),
    Model(
        id="claude-opus-5-5",
        name="Claude Opus 5.5",
        created="2026-09-22",
        line="opus",
        price=_price("4", "20", "0.20"),
        thinking="always",
        forced_tools=False,
    ),
    Model(
        id="claude-fable-5-1",
        name="Claude Fable 5.1",
        created="2026-09-01",
        line="fable",
        price=_price("10", "50", "0.25"),
        long_output=False,
        forced_tools=False,
    ),
    _opus("5", "2026-06-01", min_cacheable=512, hidden=(286, 406)),
    Model(
        id="claude-sonnet-5",
        name="Claude Sonnet 5",
        created="2026-05-15",
        line="sonnet",
        price=_price("2", "10", "0.20"),
        min_cacheable=1024,
        hidden_tool_tokens=(354, 474),
    ),
    _opus("4.8", "2026-04-15", min_cacheable=1024),
    _opus("4.7", "2026-03-15", min_cacheable=2048),
    _opus("4.6", "2026-02-05", min_cacheable=4096),
    Model(
        id="claude-haiku-4-5-20251001",
        name="Claude Haiku 4.5",
        created="2025-10-15",
        line="haiku",
        price=_price("1", "5", "0.10"),
        us_factor=Decimal(1),
        context=200_000,
        max_output=64_000,
        long_output=False,
        min_cacheable=4096,
        thinking="extended",
        prefill=True,
        aliases=("claude-haiku-4-5",),
    ),
    Model(
        id="claude-sonnet-4-5-20250929",
        name="Claude Sonnet 4.5",
        created="2025-09-29",
        line="sonnet",
        price=_price("3", "15", "0.30"),
        us_factor=Decimal(1),
        context=200_000,
        max_output=64_000,
        long_output=False,
        min_cacheable=1024,
        thinking="extended",
        prefill=True,
        lifecycle="deprecated",
        retires_at="2026-11-30T00:00:00Z",
        aliases=("claude-sonnet-4-5",),
    ),
    Model(
        id="claude-3-haiku-20240307",
        name="Claude Haiku 3",
        created="2024-03-07",
        line="haiku",
        price=_price("0.25", "1.25", "0.03"),
        us_factor=Decimal(1),
        context=200_000,
        max_output=4096,
        long_output=False,
        min_cacheable=4096,
        thinking="extended",
        prefill=True,
        lifecycle="retired",
        retires_at="2026-04-20T00:00:00Z",
    ),
)

_BY_NAME = {name: model for model in MODELS for name in (model.id, *model.aliases)}


def find_model(name: str) -> Model | None:
    """The model of this id or alias, retired ones included."""
    return _BY_NAME.get(name)
