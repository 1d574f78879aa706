"""The disclosure rules in plain code: what a reader checks, and the oracle that the secure programs must agree with.

A cell is released if at least `min_count` rows are in it; otherwise it is suppressed, even if empty, because
"nobody" can be as telling as "one". Where an agency that brings rows gets the result, the others' rows must be as many
for each such agency: it can take its own out. With `round_to`, a released count is the nearest multiple, halves up.
Totals are sums of released cells, so that no total gives a suppressed cell away; true ones are released only if every
suppressed cell is on a cycle of suppressed cells. With noise, counts are the noisy ones, and totals are of all of them,
as what follows from noisy numbers tells nothing more: `consistent` takes negative ones as 0.
docs/security/disclosure.md argues for each rule.
Sources: ACRO default.yaml (safe_threshold 10); Handbook on Statistical Disclosure Control, ch. 4; OpenSAFELY output
checking (totals recalculated after redaction; a rounded value needs several possible originals).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from mpcgov.errors import SpecError
from mpcgov.spec.job import Disclosure

SENTINEL = -1
"""What a suppressed cell holds when it is opened: a value that no count has."""

MIN_PREIMAGES = 3
"""Every released value must be possible for at least this many counts when rounding is asked for."""


def rounded(count: int, round_to: int) -> int:
    """The nearest multiple of `round_to`, halves up; count >= 0."""
    return (count + round_to // 2) // round_to * round_to


def cleared(counts: Iterable[int], min_count: int, round_to: int | None) -> list[int]:
    """What may be opened of some counts: each as it is, or rounded, or the sentinel if fewer than `min_count`."""
    return [SENTINEL if count < min_count else rounded(count, round_to) if round_to else count for count in counts]


MOST_BITS = 24
"""As many significant bits as numbers have inside MPC at most: 7 digits."""


def significant_bits(digits: int) -> int:
    """How many binary digits a released number that isn't a count has inside MPC, so that it is right to `digits`."""
    return min(MOST_BITS, int(10**digits - 1).bit_length() + 1)


def significand(number: int, bits: int, floor: int = 0) -> tuple[int, int]:
    """A whole number as it is opened: the nearest multiple of 2^e, halves up, divided by it; and e.

    e ≥ 0 is the least with which `bits` binary digits suffice, so small numbers stay as they are; and 2^e is greater
    than `floor`, if that isn't 0.
    """
    size, exponent = max(number, -1 - number), floor.bit_length()
    while (size + (1 << exponent >> 1)) >> exponent >= 1 << bits:
        exponent += 1
    return (number + (1 << exponent >> 1)) >> exponent, exponent


def significant(number: int, digits: int, floor: int = 0) -> int:
    """A whole number as it is opened for `digits` significant decimal digits, and in steps above `floor`."""
    units, exponent = significand(number, significant_bits(digits), floor)
    return units << exponent


def enough_agencies(counts: Iterable[int], agencies: int, least: int) -> bool:
    """Whether so many agencies have at least `least` rows in a cell each; `counts`: each agency's own. One that has a
    few is as one that has none."""
    return sum(count >= least for count in counts) >= agencies


def enough_rows(own: Mapping[str, int], receivers: Collection[str], least: int) -> bool:
    """Whether a cell holds so many rows for everybody who gets it: for an agency that brought some, of the others.

    Args:
        own: each agency's rows in the cell; if there is but one, they are its own for whoever gets them.
    """
    known = [rows for agency, rows in own.items() if agency in receivers and len(own) > 1]
    return sum(own.values()) - max(known, default=0) >= least


def dominated(values: Iterable[int], percent: int) -> bool:
    """The p % rule: whether all but the two greatest values add up to less than p % of the greatest.

    Then the second greatest's owner, who knows the sum and its own value, knows the greatest within p %. Values are not
    negative, and all of one person or enterprise are one.
    Source: Handbook on Statistical Disclosure Control, ch. 4.2.
    """
    first, _, *rest = sorted([*values, 0, 0], reverse=True)
    return 100 * sum(rest) < percent * first


def released(
    counts: Sequence[int],
    rules: Disclosure,
    columns: int = 1,
    agencies: Mapping[str, Sequence[int]] | None = None,
    receivers: Collection[str] = (),
    impossible: Collection[int] = (),
) -> list[list[int]]:
    """What is opened of a table of counts, in row-major order: its cells, then with margins those of rows, of columns,
    and of all cells together.

    Args:
        columns: how many cells a row has.
        agencies: each agency's own counts, without noise; not needed where no rule looks at them.
        impossible: the cells in which nobody can be, as everybody knows.
    """
    shown = [count >= rules.min_count for count in counts]
    if rules.noise is None and agencies:
        cells = [dict(zip(agencies, cell, strict=True)) for cell in zip(*agencies.values(), strict=True)]
        shown = [enough_rows(cell, receivers, rules.min_count) for cell in cells]
        if rules.contributors is not None:
            several = [enough_agencies(cell.values(), rules.contributors, rules.min_count) for cell in cells]
            shown = [large and some for large, some in zip(shown, several, strict=True)]
    return opened(counts, shown, rules, columns, impossible)


def opened(
    counts: Sequence[int],
    shown: Sequence[bool],
    rules: Disclosure,
    columns: int = 1,
    impossible: Collection[int] = (),
) -> list[list[int]]:
    """As `released`, where it is decided which cells may be shown but for what their totals would tell."""
    closing = closed(counts, shown, columns, impossible) if rules.margins and rules.noise is None else set()
    shows = [may and cell not in (closing or ()) for cell, may in enumerate(shown)]
    base = rules.round_to or 1
    tables = [[rounded(count, base) if may else SENTINEL for count, may in zip(counts, shows, strict=True)]]
    if rules.margins:
        added = [max(count, 0) for count in counts] if rules.noise is not None and rules.noise.consistent else counts
        rows = [added[start : start + columns] for start in range(0, len(added), columns)]
        totals = [[*map(sum, rows)], [*map(sum, zip(*rows, strict=True))], [sum(added)]]
        if rules.noise is not None:
            totals = [cleared(total, rules.min_count, None) for total in totals]
        tables += totals if closing is not None else [[SENTINEL] * len(total) for total in totals]
    return tables


def closed(
    counts: Sequence[int], shown: Sequence[bool], columns: int, impossible: Collection[int] = ()
) -> set[int] | None:
    """The cells to hide beside those not shown, so that the true totals don't tell these; None if it can't be done.

    Each hidden cell (i, j) needs a row a and a column b with (i, b), (a, j) and (a, b) shown, and none of them
    impossible: a cell that is known to be empty can't move. Of these the least sum of the three is taken, and of equal
    ones the first, a before b; all three are hidden. An impossible cell that is indeed empty has nothing to hide.
    """
    closing: set[int] = set()
    usable = [may and cell not in impossible for cell, may in enumerate(shown)]
    for cell, may in enumerate(shown):
        if may or (cell in impossible and counts[cell] == 0):
            continue
        found = [
            (sum(counts[other] for other in cycle), place, cycle)
            for place, cycle in enumerate(cycles(cell, len(counts), columns))
            if all(usable[other] for other in cycle)
        ]
        if not found:
            return None
        closing.update(min(found)[2])
    return closing


def cycles(cell: int, cells: int, columns: int) -> Iterator[tuple[int, int, int]]:
    """For cell (i, j) and each other row a and column b, in this order: the cells (i, b), (a, j) and (a, b)."""
    i, j = divmod(cell, columns)
    for a in range(cells // columns):
        for b in range(columns):
            if a != i and b != j:
                yield i * columns + b, a * columns + j, a * columns + b


def check_rounding(min_count: int, round_to: int) -> None:
    """Nothing, if every value that can be released may stand for at least three counts.

    Only the smallest releasable multiple can stand for fewer than `round_to` counts, as the threshold cuts it.

    Raises:
        SpecError: it can't; says which thresholds near by would do.
    """
    if _preimages(min_count, round_to) >= MIN_PREIMAGES:
        return
    near = [k for k in range(max(3, min_count - round_to), min_count + round_to) if _preimages(k, round_to) >= 3]
    below = max((k for k in near if k < min_count), default=None)
    above = min(k for k in near if k > min_count)
    choice = f"{below} or {above}" if below else str(above)
    raise SpecError(
        f"disclosure: round_to {round_to} with min_count {min_count}: a released "
        f"{rounded(min_count, round_to)} would stand for only {_preimages(min_count, round_to)} count(s)",
        hint=f"use min_count {choice}",
        code="disclosure",
    )


def _preimages(min_count: int, round_to: int) -> int:
    """How many counts >= min_count round to the smallest multiple that can be released."""
    target = rounded(min_count, round_to)
    return sum(rounded(count, round_to) == target for count in range(min_count, min_count + round_to))
