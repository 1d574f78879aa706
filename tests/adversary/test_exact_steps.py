"""What lengths tell of exact pairs: a job chooses records of which one may be a pair, and others that are for certain.

The padded number of exact pairs, and of the records that are left to compare, are known to whoever sees a job's bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mpcgov.linkage import ownrecords
from mpcgov.linkage.ownrecords import OwnRecords
from mpcgov.linkage.similar.exact import Exact
from mpcgov.linkage.tags import Texts
from mpcgov.linked.sizes import LEAST_LENGTH, certain_length, padded_length

LISTED = (105, 243, 990, 4_999)
"""How many records a whole data set has."""


def heard(listed: int, chosen: int, pairs: int, blocks: int) -> tuple[int, int]:
    """What others hear of an owner of so many records, of which a job chose some, and some of these are exact pairs."""
    numbers = np.arange(chosen) % blocks
    places = np.zeros(chosen + 1, np.int64)
    texts = Texts(np.zeros(0, np.uint8), places)
    own = OwnRecords((texts,), None, {}, (numbers,) if blocks > 1 else (), (listed,))
    rows = padded_length(pairs)
    found = Exact(rows, np.concatenate([np.arange(pairs), np.full(rows - pairs, -1)]))
    (length,) = own.lengths(found, (blocks,))
    assert length >= max(0, chosen - pairs) // blocks
    return rows, padded_length(length)


def told(most: int, blocks: int = 1) -> int:
    """In how many of the registers one pair more, beside some of which a job knows, changes what others hear."""
    return sum(
        any(
            heard(listed, known + 1, known, blocks) != heard(listed, known + 1, known + 1, blocks)
            for known in range(most)
        )
        for listed in LISTED
    )


@pytest.mark.parametrize("blocks", [1, 3])
def test_no_pair_shows_beside_fewer_than_99_that_are_known(blocks: int) -> None:
    assert told(LEAST_LENGTH - 1, blocks) == 0


def test_lengths_less_each_pair_would_show_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of lists of up to 1,000 records, beside fewer than ten pairs that are known."""
    exactly: Callable[[int], int] = int
    monkeypatch.setattr(ownrecords, "certain_length", exactly)
    assert told(10) >= 3


def test_steps_are_those_of_padded_lengths() -> None:
    for pairs in range(100, 3_000):
        assert padded_length(certain_length(pairs)) == certain_length(pairs) <= pairs < padded_length(pairs + 1)
    assert {certain_length(pairs) for pairs in range(100)} == {0}
