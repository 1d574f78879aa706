"""What each party sends to all others together in the steps that every linked job is made of, in bytes."""

from __future__ import annotations

WORD = 8
"""Bytes of a field element."""


def converted(elements: int, parties: int, threshold: int) -> int:
    """To bring products back to the threshold's degree."""
    if parties == 3:
        return WORD * elements
    return WORD * elements * (parties - 1 - threshold) * (2 * threshold + 1) // parties


def equal(parties: int, threshold: int) -> int:
    """To compare one element with zero."""
    if parties == 3:
        return 42  # by the party that helps, and sends the most: products of masks of 61 bits, and a word
    return _masked(61, parties, threshold)


def negative(parties: int, threshold: int) -> int:
    """To find out whether one element is below zero."""
    if parties == 3:
        return 32  # as equal, of some 45 bits
    return _masked(86, parties, threshold)


def _masked(products: int, parties: int, threshold: int) -> int:
    """A comparison behind a mask: squares of 61 random bits are opened, and bits multiplied."""
    return WORD * 61 * 2 * threshold + converted(products, parties, threshold)
