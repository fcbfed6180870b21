"""One round of examples of each property; `make fuzz` tries more."""

from __future__ import annotations

import pytest

from tests.fuzz.properties import PROPERTIES
from tests.fuzz.rounds import fuzz


@pytest.mark.parametrize("name", PROPERTIES)
def test_whatever_comes_in_the_property_holds(name: str) -> None:
    assert fuzz(name, 0) > 0
