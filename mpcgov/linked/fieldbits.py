"""Where an owner's bits of a record's field are: what is compared of it, and what its levels weigh. Public facts.

Both owners enter a digest and the field's parts; of a filter also −3 and −1 times how many of its bits are set. The
rows' owner adds whether the field is there, the columns' owner the weights of its levels, all 0 where it isn't; and of
three fields or more, what being equal weighs where its parent is equal, too, and which field that is, if any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mpcgov.linked.encoding import FieldType
from mpcgov.records.agreement import DIFFERS, EQUAL, FILTER_BITS, PLACES, filtered
from mpcgov.records.dependence import LEAST_FIELDS

DIGEST_BITS = 24
CHARACTER_BITS = 6
DICE_BITS = 10
"""Of −3·|a| − 3·|b| + 8·|a ∧ b|, in two's complement."""
WEIGHT_BITS = 8
WEIGHED = range(DIFFERS, EQUAL + 1)
"""The levels that have a weight."""
START_BITS = 8
"""Of what a record weighs to start with, after all fields; 0 of what is no record."""
TOTAL_BITS = 13
"""Of a pair's weight, in two's complement: of at most 16 fields below 2^7 each, and of the starts."""


@dataclass(frozen=True)
class FieldBits:
    """A field's sections among all bits of a record."""

    type: FieldType
    digest: slice
    parts: slice
    counts: slice
    own: slice
    given: slice

    @property
    def stop(self) -> int:
        """Where the next field starts."""
        stop: int = self.given.stop
        return stop


def record_bit_count(types: Sequence[FieldType], first: bool) -> int:
    """How many bits of a record an owner enters."""
    return field_bits(types, first)[-1].stop + START_BITS


def field_bits(types: Sequence[FieldType], first: bool) -> tuple[FieldBits, ...]:
    """The sections of all fields; `first`: of the rows' owner."""
    found: list[FieldBits] = []
    at = 0
    given = 0 if first or len(types) < LEAST_FIELDS else WEIGHT_BITS + len(types)
    for type_ in types:
        counts, parts = (2 * DICE_BITS, FILTER_BITS) if filtered(type_) else (0, PLACES[type_] * CHARACTER_BITS)
        sections = []
        for width in (DIGEST_BITS, parts, counts, 1 if first else len(WEIGHED) * WEIGHT_BITS, given):
            sections.append(slice(at, at + width))
            at += width
        found.append(FieldBits(type_, *sections))
    return tuple(found)
