"""`python -m airflow_provider_claude.simulator`: serve until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import inf
from pathlib import Path
from typing import TypeVar

import msgspec

from airflow_provider_claude.simulator.api.app import build_app
from airflow_provider_claude.simulator.api.server import Server, listen
from airflow_provider_claude.simulator.model.behaviour import Behaviour
from airflow_provider_claude.simulator.model.label_noise import LabelNoise
from airflow_provider_claude.simulator.model.sentiment import WORD_LIMIT
from airflow_provider_claude.simulator.world.bucket import MINUTE
from airflow_provider_claude.simulator.world.latency import parse_latency
from airflow_provider_claude.simulator.world.pace import parse_pace
from airflow_provider_claude.simulator.world.rate_limits import TIERS, Limits, parse_limits
from airflow_provider_claude.simulator.world.state import Options

_Value = TypeVar("_Value")


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_claude.simulator",
        description="Simulate the Claude API on this machine. When ready, one JSON line on stdout has its base_url.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--pace",
        type=_parsed(parse_pace),
        default="instant",
        help="instant | polls:N | seconds:S | lognormal:M,S,STUCK",
    )
    parser.add_argument(
        "--latency",
        type=_parsed(parse_latency),
        default="instant",
        help="of a message: instant | seconds:S | lognormal:MEDIAN,SIGMA",
    )
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per real second")
    parser.add_argument(
        "--retry-after",
        type=_parsed(_seconds),
        default=10.0,
        help="simulated seconds until the next look that a batch in progress asks for; 0: none (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tier", choices=TIERS, default="unlimited", help="rate limits (default: %(default)s)")
    parser.add_argument("--unlimited", dest="tier", action="store_const", const="unlimited", help="no rate limits")
    parser.add_argument(
        "--limits",
        type=_parsed(parse_limits),
        default={},
        help="a minute, instead of the tier's: requests=600,input_tokens=300000",
    )
    parser.add_argument(
        "--burst", type=_parsed(_burst), default=MINUTE, help="seconds of a limit that can be used at once"
    )
    parser.add_argument("--api-key", help='the only key accepted (default: any that does not start with "bad")')
    parser.add_argument("--words", type=int, default=WORD_LIMIT, help="words of a text its sentiment is read from")
    parser.add_argument(
        "--credulous",
        type=_parsed(_share),
        default=0.0,
        help="share of texts whose instructions are obeyed (default: %(default)s)",
    )
    parser.add_argument(
        "--label-noise",
        type=_parsed(_label_noise),
        default=LabelNoise(),
        help='how unsteady labels are, as JSON: {"flips": {"neutral": {"positive": 0.1}}, "first": 0.02}',
    )
    parser.add_argument("--state", type=Path, help="keep batches and bills here (default: a folder removed at the end)")
    parser.add_argument("--log-level", default="error", help="of the server's log on stderr")
    return parser


def _burst(text: str) -> float:
    return Limits("unlimited", burst=float(text)).burst


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < inf:
        raise ValueError(f"{text} is not a number of seconds")
    return seconds


def _share(text: str) -> float:
    return Behaviour(credulous=float(text)).credulous


def _label_noise(text: str) -> LabelNoise:
    try:
        return msgspec.json.decode(text, type=LabelNoise)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def _parsed(parse: Callable[[str], _Value]) -> Callable[[str], _Value]:
    """*parse* with its reasons shown by argparse."""

    def parsed(text: str) -> _Value:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parsed


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; then exits with 0."""
    args = build_parser().parse_args(arguments)
    options = Options(
        pace=args.pace,
        latency=args.latency,
        speed=args.speed,
        retry_after=args.retry_after,
        seed=args.seed,
        tier=args.tier,
        limits=args.limits,
        burst=args.burst,
        api_key=args.api_key,
        words=args.words,
        credulous=args.credulous,
        label_noise=args.label_noise,
    )
    # The server ends by itself and then raises the signal again; before it runs, the signal comes here directly.
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    os.umask(0o077)  # what it is sent and answers is for its user alone
    with _folder(args.state) as folder, listen(args.host, args.port) as listener:
        server = Server(build_app(Path(folder), options), listener, log_level=args.log_level)
        server.run(sockets=[listener])


def _end(_signal: int, _frame: object) -> None:
    sys.exit(0)


def _folder(state: Path | None) -> AbstractContextManager[str]:
    if state is None:
        return tempfile.TemporaryDirectory(prefix="claude-simulator-")
    state.mkdir(parents=True, exist_ok=True)
    return nullcontext(str(state))


if __name__ == "__main__":
    main()
