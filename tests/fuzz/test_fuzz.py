"""Each property for its share of FUZZ_SECONDS, or one round of examples where that is not set."""

from __future__ import annotations

import os

import pytest

from tests.fuzz.properties import PROPERTIES
from tests.fuzz.rounds import fuzz


@pytest.mark.parametrize("name", PROPERTIES)
def test_whatever_comes_in_the_property_holds(name: str) -> None:
    assert fuzz(name, float(os.environ.get("FUZZ_SECONDS", "0")) / len(PROPERTIES)) > 0
