"""What it takes to round a job's numbers before they are opened: by public facts alone, as measured.

Step by step as in `mpc.significant`: sums are brought into digits, products formed, and the leading digit found; with
three parties all numbers together, bit by bit, as in `mpc.word.wholes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mpcgov.disclosure import significant_bits
from mpcgov.figures import STEP_BITS
from mpcgov.linked import released, sums
from mpcgov.linked.facts import Linked
from mpcgov.linked.sums import Sum
from mpcgov.linked.traffic import WORD, converted, negative

DIGIT_BITS = 24
SPLIT = 5
"""Taking a number apart sends about as much as so many comparisons."""
SPLIT_ROUNDS, LEADING_ROUNDS = 27, 75

DECOMPOSED_ROUNDS, DECOMPOSED_ROWS = 8, 794
"""To find all bits of words: rounds, and rows of a bit for each."""
LANES = 64
BATCH_LIMBS = 1 << 12
SIDE_BY_SIDE = 2
"""Batches under way at once."""


@dataclass(frozen=True)
class Form:
    """Of how many limbs a number is made, and how many bits it has."""

    limbs: int
    bits: int


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
    carried: dict[Sum, Form] = {}
    rounded: dict[object, Form] = {}
    floors: dict[Sum, Form] = {}
    for item in (*sums.measures(linked), *sums.pairs(linked)):
        for figure in released.opened(linked, item):
            own = [item.n if short == "n" else item.sums[short] for short in figure.sums]
            counts = [digits(one.low, one.high) for one in own]
            carried |= {one: Form(one.places, bits(one.low, one.high)) for one in own if digits(one.low, one.high) > 1}
            if figure.floor is not None:
                floors[figure.floor] = Form(figure.floor.places, bits(0, figure.floor.high) + kept + STEP_BITS)
            if max(figure.high, -figure.low) >= 1 << kept or figure.floor:
                limbs = counts[0] if len(own) == 1 else max(sum(counts[:2]), sum(counts[2:])) - 1
                rounded[figure.kind, figure.columns, item.n.owners] = Form(limbs, bits(figure.low, figure.high))
    count, multiplied = cells(linked), sum(4 * form.limbs for form in rounded.values())
    rounds, sent = 1, WORD * count * max(1, multiplied)
    for forms, least, significant in (
        (list(carried.values()), [], 0),
        (list(rounded.values()), list(floors.values()), kept),
    ):
        if forms:
            more_rounds, more_sent = _together(forms, significant, count, least)
            rounds, sent = rounds + more_rounds, sent + more_sent
    return rounds, sent


def _together(forms: list[Form], kept: int, count: int, floors: Sequence[Form] = ()) -> tuple[int, int]:
    """What it takes to find the numbers' digits, or so many significant bits above floors."""
    every = [*forms, *floors]
    limbs, length = sum(form.limbs for form in every), max(kept + 2, *(form.bits for form in every))
    rounds, rows = _added(max(form.limbs for form in every), length)
    rounds += DECOMPOSED_ROUNDS
    if kept:
        above = length - 1 - kept
        rounds += doublings(above) + doublings(kept + 1) + 4 + bool(floors)
        rows += above * bool(floors)
        rows += above * doublings(above) + 2 * kept + 1
        words = len(forms) * (kept + above.bit_length() + 5)
    else:
        rounds += 2
        words = sum(form.bits for form in forms)
    lanes = DECOMPOSED_ROWS * -(-count * limbs // LANES) + rows * -(-count * len(forms) // LANES)
    return rounds * -(-count * limbs // (BATCH_LIMBS * SIDE_BY_SIDE)), WORD * (count * words + lanes)


def _added(limbs: int, length: int) -> tuple[int, int]:
    """Rounds, and bits for each number, of adding up so many limbs."""
    rounds = sent = 0
    while limbs > 2:
        limbs, rounds, sent = limbs - limbs // 3, rounds + 1, sent + limbs // 3 * length
    if limbs == 2:
        rounds, sent = rounds + 1 + doublings(length - 1), sent + length * (1 + 2 * doublings(length - 1))
    return rounds, sent


def doublings(count: int) -> int:
    """How often 1 is doubled until it is `count` or more."""
    return (count - 1).bit_length()


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
