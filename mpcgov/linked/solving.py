"""What a regression takes beyond linked rows: sums of products of their columns, and solving the equations.

Public facts alone. It is the same for any data, and with many coefficients more than all else: it grows with the third
power of their number, and some of it with the length of a determinant besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import comb

from mpcgov import precision
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import Model
from mpcgov.linked.traffic import WORD, converted, equal, negative

SPARE_BITS = 60
"""By so many bits, about, a field is longer than the integers in it: for masks."""

ROUNDED = 5
"""Rounding a quotient sends about as much as so many comparisons, beside those that tell its length."""

STEPPED_ROUNDS = 10
"""As measured: to find and take steps of parts of the standard errors, for receivers that bring rows."""


MASKED_ROUNDS = 185
"""As measured: what comparisons of more than three parties take more."""


def stepped_rounds(linked: Linked) -> int:
    """The rounds of a model beside those that every one has: of rounding it for receivers that bring rows, and of more
    than three parties."""
    if linked.asked.outcome is None:
        return 0
    return STEPPED_ROUNDS * bool(linked.job.receiving_owners) + MASKED_ROUNDS * (len(linked.job.parties) > 3)


def multiplied_bytes(
    columns: Mapping[str, int], left: str, rows: int, products: int, parties: int, threshold: int
) -> int:
    """What each party sends for so many sums of products of two columns, of so many columns by owner.

    Every column is made 0 where not all owners have a match; with two, the other one's is.
    """
    others = tuple(owner for owner in columns if owner != left)
    every_set = {others, *(tuple(other for other in others if other != owner) for owner in others)}
    flags = {one[:length] for one in every_set for length in range(2, len(one) + 1)}
    masked = columns[left] if len(others) == 1 else sum(columns.values())
    return converted((masked + len(flags)) * rows + products, parties, threshold)


def solved_bytes(model: Model, parties: int, threshold: int) -> int:
    """What each party sends to solve a model's equations; step by step as in `mpc.solve`."""
    d, subsets = model.unknowns, comb(parties, threshold)
    plan = precision.fit(model.squares, subsets)
    batches = model.batches(subsets)
    values, quotients = 2 * d + 6 + batches, 2 * d + 2 + batches
    moments = model.places * (1 + batches) * precision.entries(d) + 1
    searched = values * (plan.parts + plan.steps)
    compared = subsets * moments + 2 * searched + (6 + 4 * ROUNDED) * quotients + 2 * (1 + ROUNDED) * d
    compared += 2 * batches + ROUNDED * (2 * d + 1)
    lifted = (1 + subsets) * moments + searched
    words = 2 * (d + 1) ** 3 + d**2 + values * plan.parts * (1 + plan.parts.bit_length()) + 4 * quotients
    opened = (d + 1) ** 3 + d**2
    long_products = 6 * d**2 + 4 * d + 2 * values + 4 * quotients
    element = (plan.solver_bits + SPARE_BITS) // 8
    masks = 3 * values + quotients
    return (
        compared * negative(parties, threshold)
        + equal(parties, threshold)
        + converted(words, parties, threshold)
        + WORD * threshold * (lifted + 2 * opened)
        + element * long_products * (parties - 1) * (2 * threshold + 1) // parties
        + element * threshold * (masks + 2 * (d**2 + d))
    )
