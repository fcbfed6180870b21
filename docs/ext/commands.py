"""The commands of `claude-batch`, from its argument parser."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from docs.ext.markdown import code, sentence, table


def as_markdown(parser: argparse.ArgumentParser) -> str:
    """A section for each command: what it does, how it is called, and its arguments."""
    return "\n".join(_section(f"{parser.prog} {name}", command) for name, command in commands(parser).items())


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The subparsers of *parser* by name."""
    [found] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    return dict(found.choices)


def _section(title: str, command: argparse.ArgumentParser) -> str:
    command.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
    usage = re.sub(r"^usage: ", "", command.format_usage().strip())
    rows = [[code(name), text] for name, text in arguments(command)]
    return f"## `{title}`\n\n{command.description}\n\n```text\n{usage}\n```\n\n{table(['argument', ''], rows)}"


def arguments(command: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """Each argument as it is written, with its help."""
    for action in command._actions:  # noqa: SLF001
        if not isinstance(action, argparse._HelpAction):  # noqa: SLF001
            yield _name(action), _help(action)


def _help(action: argparse.Action) -> str:
    text = (action.help or "") % {"default": action.default}
    return sentence(text).replace("<", r"\<")


def _name(action: argparse.Action) -> str:
    value = action.metavar or action.dest.upper()
    if not action.option_strings:
        return str(value)
    return action.option_strings[0] if action.nargs == 0 else f"{action.option_strings[0]} {value}"
