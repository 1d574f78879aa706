"""What a function of secret counts gives, all parties in one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mpcgov.mpc import SecretArray, SessionConfig
from tests.linkage.linked_parties import engine
from tests.mpc.word.local import Party, make_parties, opened, run

MOST = 10_000


def on_shares(vectors: Sequence[Sequence[int]], function: Callable[[SecretArray], SecretArray]) -> list[list[int]]:
    """The function of each of some vectors of counts, all of which one party deals."""
    config = SessionConfig(("a", "b", "c"), 0, 1, bytes(32), 59, 1000)

    async def one(party: Party) -> list[Any]:
        words = engine(party, replace(config, me=party.me), [])
        words.prepare()
        own = [np.array(vector, np.int64) if party.me == 0 else None for vector in vectors]
        dealt = [
            SecretArray.deal(words, counts, 0, len(vector), 0, MOST)
            for counts, vector in zip(own, vectors, strict=True)
        ]
        found = [await function(counts).shares() for counts in dealt]
        await words.idle()
        return found

    each = zip(*run(make_parties(3, 1), one), strict=True)
    return [[int(value) for value in opened(list(shares), 1)] for shares in each]
