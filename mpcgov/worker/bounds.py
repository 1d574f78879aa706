"""Bounds of a column, rounded outwards, so that none is what one person has."""

from __future__ import annotations

from datetime import date
from typing import Any

LEAST_STEP = 10
_YEARS = 10


def whole(low: int, high: int, rare: tuple[bool, bool], limit: int) -> tuple[int, int]:
    """Bounds of whole numbers: to a round number near a tenth of their range.

    Args:
        rare: whether few rows have the least, and the greatest: no bound is this number itself, then, except zero.
        limit: no bound is further from zero; at least what the numbers are.
    """
    step = _step(high - low)
    least, most = low // step * step, -(-high // step) * step
    least -= step if rare[0] and least == low != 0 else 0
    most += step if rare[1] and most == high != 0 else 0
    return max(least, -limit), min(most, limit)


def days(low: date, high: date) -> tuple[str, str]:
    """Bounds of dates: whole decades, the next one if there is nothing between."""
    first, last = low.year // _YEARS * _YEARS, high.year // _YEARS * _YEARS + _YEARS - 1
    first -= _YEARS if (low.year, low.month, low.day) == (first, 1, 1) else 0
    last += _YEARS if (high.year, high.month, high.day) == (last, 12, 31) else 0
    return date(max(first, 1), 1, 1).isoformat(), date(min(last, 9999), 12, 31).isoformat()


def decimal_text(steps: int, places: int) -> str:
    """A number of steps of 10^-places as it is declared."""
    sign, digits = "-" if steps < 0 else "", str(abs(steps)).zfill(places + 1)
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def _step(span: int) -> int:
    tenth, step = span // 10, LEAST_STEP
    while step < tenth:
        step *= 10
    nearer: list[Any] = [part for part in (step // 5, step // 2) if part >= max(tenth, LEAST_STEP)]
    return nearer[0] if nearer else step
