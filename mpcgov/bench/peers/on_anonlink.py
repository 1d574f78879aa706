"""anonlink and clkhash: two owners encode their records under a common key, and a linkage unit compares the encodings.

Party 0 is the unit, which sees every encoding and how alike any two are, and gets the pairs; parties 1 and 2 are the
owners. Encodings are those of clkhash's own tutorial on FEBRL4: 1,024 bits, pairs of characters of names and texts,
single characters and their places of all else, twice as many bits of names and dates. Pairs are chosen greedily.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from anonlink.candidate_generation import find_candidate_pairs
from anonlink.similarities import dice_coefficient_accelerated
from anonlink.solving import greedy_solve, pairs_from_groups
from bitarray import bitarray
from clkhash.clk import generate_clks
from clkhash.comparators import NgramComparison
from clkhash.field_formats import BitsPerFeatureStrategy, FieldHashingProperties, MissingValueSpec, StringSpec
from clkhash.schema import Schema

from .records import OWNERS, Task
from .streams import Stream, accept, call
from .turns import Array, Done, Order, Run, serve

BITS = 1024
COMMON_KEY = "known to both owners"
PAIRS_OF_CHARACTERS = ("name", "text")
WEIGHTY = ("name", "date")


def encoded(task: Task, owner: str) -> tuple[list[str], bytes]:
    """The names of an owner's records, and their encodings one after the other."""
    rows = task.rows(owner)
    content = [[row[column] for column in task.types] for row in rows]
    schema = Schema([spec(column, kind) for column, kind in task.types.items()], BITS)
    clks = generate_clks(content, schema, COMMON_KEY, max_workers=1)
    return [row[task.name] for row in rows], b"".join(clk.tobytes() for clk in clks)


def spec(column: str, kind: str) -> Any:
    """How a column is encoded."""
    comparator = NgramComparison(2) if kind in PAIRS_OF_CHARACTERS else NgramComparison(1, True)
    strategy = BitsPerFeatureStrategy(200 if kind in WEIGHTY else 100)
    missing = MissingValueSpec(sentinel="")
    return StringSpec(column, FieldHashingProperties(comparator, strategy, missing_value=missing))


class Unit:
    """The linkage unit."""

    def __init__(self, threshold: float, owners: dict[str, Stream]) -> None:
        self.threshold = threshold
        self.owners = owners

    def run(self) -> Array:
        """The names of each linked pair."""
        names = [json.loads(self.owners[owner].receive()) for owner in OWNERS]
        clks = [pieces(self.owners[owner].receive()) for owner in OWNERS]
        candidates = find_candidate_pairs(clks, dice_coefficient_accelerated, self.threshold)
        found = pairs_from_groups(greedy_solve(candidates))
        return np.array([(names[0][left], names[1][right]) for left, right in found])


def pieces(content: bytes) -> list[bitarray]:
    """Encodings taken apart."""
    result = []
    for start in range(0, len(content), BITS // 8):
        clk = bitarray(endian="big")
        clk.frombytes(content[start : start + BITS // 8])
        result.append(clk)
    return result


async def prepare(order: Order) -> Run:
    """Connect, and run once."""
    if order.receives:
        callers = accept(order.ports[0], len(OWNERS))
        unit = Unit(float(order.options["threshold"]), {one.receive().decode(): one for one in callers})

        async def run() -> Done:
            return Done(unit.run(), 0)

    else:
        task, owner, stream = Task.read(order.options["data"]), OWNERS[order.party - 1], call(order.ports[0])
        stream.send(owner.encode())

        async def run() -> Done:
            before = stream.sent
            names, clks = encoded(task, owner)
            stream.send(json.dumps(names).encode())
            stream.send(clks)
            return Done(None, stream.sent - before)

    await run()
    return run


if __name__ == "__main__":
    serve(prepare)
