"""What it takes to round a job's numbers before they are opened: by public facts alone, as measured.

Step by step as in `mpc.significant`: sums are brought into digits, products formed, and the leading digit found; with
three parties all numbers together, bit by bit, as in `mpc.word.wholes`.
"""

from __future__ import annotations

import itertools

from mpcgov.disclosure import significant_bits
from mpcgov.linked import released, sums
from mpcgov.linked.facts import Linked
from mpcgov.linked.lanecost import Batch
from mpcgov.linked.released import Figure
from mpcgov.linked.sums import Sum
from mpcgov.linked.traffic import WORD, converted, negative

DIGIT_BITS = 24
SPLIT = 5
"""Taking a number apart sends about as much as so many comparisons."""
SPLIT_ROUNDS, LEADING_ROUNDS = 27, 75


def rounding_cost(linked: Linked, threshold: int) -> tuple[int, int]:
    """Rounds, and the bytes that each party sends to all others together; 0 with noise, which is added to sums, and
    where nothing but rows is counted."""
    if linked.job.disclosure.noise is not None or not linked.asked.numbers:
        return 0, 0
    if len(linked.job.parties) == 3:
        return _in_lanes(linked)
    parties, bits = len(linked.job.parties), significant_bits(linked.job.disclosure.digits)
    splits: dict[object, int] = {}
    chains: dict[tuple[int, ...], int] = {}
    leading: dict[object, tuple[int, bool]] = {}
    compared = 0
    for item in (*sums.measures(linked), *sums.pairs(linked)):
        for figure in released.opened(linked, item):
            for short in figure.sums:
                one = item.n if short == "n" else item.sums[short]
                count = digits(one.low, one.high)
                splits[one] = chains[1, one.places, count] = one.places + count - 2
            count, key = digits(figure.low, figure.high), (figure.kind, figure.columns, item.n.owners)
            if len(figure.sums) > 1:
                splits[key] = chains[2, count] = count - 1
            if max(figure.high, -figure.low) >= 1 << bits or figure.floor:
                leading[key] = count, figure.low < 0
            if figure.floor is not None:
                least = digits(0, figure.floor.high)
                splits[figure.floor] = chains[1, figure.floor.places, least] = figure.floor.places + least - 2
                splits[key, "floor"] = chains[3, least] = least
                compared += DIGIT_BITS
    compared += SPLIT * sum(splits.values())
    compared += sum(DIGIT_BITS + SPLIT + count + signed for count, signed in leading.values())
    multiplied = sum(count**2 + 3 * count + 6 for count, _ in leading.values())
    sent = compared * negative(parties, threshold) + converted(multiplied, parties, threshold)
    rounds = SPLIT_ROUNDS * sum(chains.values()) + LEADING_ROUNDS * len(set(leading.values()))
    return rounds, cells(linked) * max(sent, WORD)


def _in_lanes(linked: Linked) -> tuple[int, int]:
    kept = significant_bits(linked.job.disclosure.digits)
    made: dict[object, Figure] = {}
    own: dict[object, tuple[Sum, ...]] = {}
    for item in (*sums.measures(linked), *sums.pairs(linked)):
        for figure in released.opened(linked, item):
            parts = tuple(item.n if short == "n" else item.sums[short] for short in figure.sums)
            if len(parts) > 1 or parts[0].places > 1 or max(figure.high, -figure.low) >= 1 << kept or figure.floor:
                key = figure.kind, figure.columns, item.n.owners
                made[key], own[key] = figure, parts

    if not made:
        return 1, WORD * cells(linked)
    floors = [figure.floor for figure in made.values() if figure.floor is not None]
    lengths = [bits(figure.low, figure.high) for figure in made.values()]
    lengths += [kept + released.step_bits(linked) + bits(0, floor.high) for floor in floors]
    batch = Batch(
        limbs=sum(one.places for one in {*itertools.chain(*own.values()), *floors}),
        products=sum(len(parts) > 1 for parts in own.values()),
        numbers=len(made),
        floors=len(floors),
        length=max(kept + 2, *lengths),
        kept=kept,
    )
    rounds, sent = batch.cost(cells(linked))
    return rounds + 1, sent


def bits(low: int, high: int) -> int:
    """How many bits a number in low … high has, that of its sign included."""
    return max(high, -1 - low).bit_length() + 1


def digits(low: int, high: int) -> int:
    """How many digits of 24 bits a number in low … high has."""
    return max(1, -(-max(high, -1 - low).bit_length() // DIGIT_BITS))


def cells(linked: Linked) -> int:
    """The cells of the job's tables of statistics."""
    result = 1
    for column in linked.asked.groups:
        result *= len(linked.values(column))
    return result
