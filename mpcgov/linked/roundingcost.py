"""What it takes to round a job's numbers before they are opened: by public facts alone, as measured.

Step by step as in `mpc.significant`: sums are brought into digits, products formed, and the leading digit found.
"""

from __future__ import annotations

from mpcgov.disclosure import significant_bits
from mpcgov.linked import released, sums
from mpcgov.linked.facts import Linked
from mpcgov.linked.traffic import WORD, converted, negative

DIGIT_BITS = 24
SPLIT = 5
"""Taking a number apart sends about as much as so many comparisons."""
SPLIT_ROUNDS, LEADING_ROUNDS = 15, 50


def rounding_cost(linked: Linked, threshold: int) -> tuple[int, int]:
    """Rounds, and the bytes that each party sends to all others together; 0 with noise, which is added to sums."""
    if linked.job.disclosure.noise is not None:
        return 0, 0
    parties, bits = len(linked.job.parties), significant_bits(linked.job.disclosure.digits)
    splits: dict[object, int] = {}
    chains: dict[tuple[int, ...], int] = {}
    leading: dict[object, tuple[int, bool]] = {}
    for item in (*sums.measures(linked), *sums.pairs(linked)):
        for figure in released.opened(linked, item):
            for short in figure.sums:
                one = item.n if short == "n" else item.sums[short]
                count = digits(one.low, one.high)
                splits[one] = chains[1, one.places, count] = one.places + count - 2
            count, key = digits(figure.low, figure.high), (figure.kind, figure.columns, item.n.owners)
            if len(figure.sums) > 1:
                splits[key] = chains[2, count] = count - 1
            if max(figure.high, -figure.low) >= 1 << bits:
                leading[key] = count, figure.low < 0
    compared = SPLIT * sum(splits.values())
    compared += sum(DIGIT_BITS + SPLIT + count + signed for count, signed in leading.values())
    multiplied = sum(count**2 + 3 * count + 6 for count, _ in leading.values())
    sent = compared * negative(parties, threshold) + converted(multiplied, parties, threshold)
    rounds = SPLIT_ROUNDS * sum(chains.values()) + LEADING_ROUNDS * len(set(leading.values()))
    return rounds, cells(linked) * max(sent, WORD)


def digits(low: int, high: int) -> int:
    """How many digits of 24 bits a number in low … high has."""
    return max(1, -(-max(high, -1 - low).bit_length() // DIGIT_BITS))


def cells(linked: Linked) -> int:
    """The cells of the job's tables of statistics."""
    result = 1
    for column in linked.asked.groups:
        result *= len(linked.values(column))
    return result
