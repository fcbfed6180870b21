from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.sources.rows import sized

_texts = st.lists(st.none() | st.integers(0, 40).map("x".__mul__), max_size=12)


@given(texts=_texts, coded=st.booleans(), skipped=st.integers(0, 3))
def test_batches_that_are_small_are_reported_without_the_lengths_of_their_texts(
    texts: list[str | None], coded: bool, skipped: int
) -> None:
    column = pa.array(texts, pa.string())
    batch = pa.record_batch({"text": column.dictionary_encode() if coded else column}).slice(skipped)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sized, "_MAX_BYTES", 100)
        quick = list(sized.pieces(batch))
        patch.setattr(sized, "_is_small", lambda _: False)
        assert quick == list(sized.pieces(batch))
    assert sum(piece.num_rows for piece in quick) == batch.num_rows


def test_a_value_of_a_dictionary_that_stands_for_many_rows_is_cut() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 40, pa.int8()), pa.array(["x" * 1_000_000]))
    assert [piece.num_rows for piece in sized.pieces(pa.record_batch({"text": column}))] == [16, 16, 8]
