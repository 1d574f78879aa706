"""The disclosure rules in plain code: what a reader checks, and the oracle that the secure programs must agree with.

A cell is released if at least `min_count` rows are in it; otherwise it is suppressed, zero included, because
"nobody" can be as telling as "one". With `round_to`, a released count is the nearest multiple, halves up. Totals
are sums of released cells, so that no total gives a suppressed cell away.
Sources: ACRO default.yaml (safe_threshold 10); Handbook on Statistical Disclosure Control, ch. 4; OpenSAFELY output
checking (totals recalculated after redaction; a rounded value needs several possible originals).
"""

from __future__ import annotations

from collections.abc import Iterable

from mpcgov.errors import SpecError

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
