"""Imports done once, before any fork: a night imports for seconds what a process of its own would keep for hours."""

from __future__ import annotations

import contextlib
import gc
import importlib
import ssl
import sys
from functools import cache
from types import ModuleType

from airflow_provider_claude.core.report import page
from airflow_provider_claude.core.scan.signatures import Signatures
from tests.chaos.machine import Machine
from tests.chaos.night import Night


def warm_up(machine: Machine) -> None:
    """Have a child live through a night and say what it imported, then import that here."""
    outcome = machine.start(machine.case(0), work=_imported).join()
    if not outcome.done:
        raise RuntimeError(f"A night without harm failed:\n{outcome.text}")
    for name in outcome.value:
        with contextlib.suppress(Exception):  # a module may be made by another one, under a name of its own
            importlib.import_module(name)
    page._template()
    Signatures.compiled()
    _once(ssl, "create_default_context")
    gc.freeze()


def _once(module: ModuleType, name: str) -> None:
    """Let *module*'s function *name* give all callers the same value: no child reads the certificates anew."""
    setattr(module, name, cache(getattr(module, name)))


def _imported(night: Night) -> list[str]:
    before = set(sys.modules)
    night.whole()
    return [name for name in sys.modules if name not in before]
