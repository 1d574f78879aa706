"""An owner's records as bits that are compared field by field; in the clear at their owner, nobody else sees one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mpcgov.linkage.tags import Texts
from mpcgov.linked.encoding import FieldType
from mpcgov.linked.fieldbits import (
    CHARACTER_BITS,
    DICE_BITS,
    DIGEST_BITS,
    START_BITS,
    WEIGHT_BITS,
    FieldBits,
    field_bits,
    record_bit_count,
)
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.lanes import LANES
from mpcgov.records.agreement import FILTER_BITS, MISSING, Encoded, Ints, encoded, filtered, weights
from mpcgov.records.dependence import LEAST_FIELDS, dependence
from mpcgov.records.foreseen import foreseen
from mpcgov.records.prior import start

Numbers = NDArray[np.int64]
Plain = NDArray[np.uint8]
"""Bits, one to a byte."""


def strings(texts: Texts) -> list[str]:
    """A field's texts, one by one."""
    data, offsets = texts.data.tobytes(), texts.offsets
    return [data[start:stop].decode() for start, stop in pairwise(offsets.tolist())]


@dataclass(frozen=True)
class RecordBits:
    """All bits of each record, shape (records, bits); and at the columns' owner, what pairs of one person weigh."""

    bits: Plain
    foreseen: Ints | None


def record_bits(
    texts: Sequence[Texts], types: Sequence[FieldType], first: bool, equal: Sequence[float | None] | None = None
) -> RecordBits:
    """An owner's records as it enters them. A list of nobody is worked on as if it had a record without any field: the
    others wait meanwhile, and a filter may have left out the only one.

    Args:
        texts: of each field.
        types: of the fields.
        first: whether they are the rows' owner's.
        equal: of each field how often it is equal in records of one person, if the job says so.
    """
    sections = field_bits(types, first)
    records = len(texts[0])
    result = np.zeros((max(1, records), record_bit_count(types, first)), np.uint8)
    result[:, -START_BITS:] = _bits(np.full(len(result), start(1 if first else records)), START_BITS)
    fields = [
        encoded(type_, strings(text) or [""], often)
        for text, type_, often in zip(texts, types, equal or [None] * len(texts), strict=True)
    ]
    for field, section in zip(fields, sections, strict=True):
        result[:, section.digest] = _bits(field.values.astype(np.int64), DIGEST_BITS)
        result[:, section.parts] = _parts(field)
        if filtered(section.type):
            count = field.parts.sum(axis=1, dtype=np.int64)
            result[:, section.counts] = np.hstack([_bits(-3 * count, DICE_BITS), _bits(-count, DICE_BITS)])
        if first:
            result[:, section.own] = field.present[:, None]
    weighed = None if first else _weigh(result, fields, sections)
    return RecordBits(result[:records], weighed)


def _weigh(result: Plain, fields: Sequence[Encoded], sections: Sequence[FieldBits]) -> Ints:
    """Put in what the fields of the columns' owner weigh, by themselves and given others. Returns: see `RecordBits`."""
    of_level = [weights(field) for field in fields]
    for level, section in zip(of_level, sections, strict=True):
        result[:, section.own] = np.hstack([_bits(one, WEIGHT_BITS) for one in level[:, MISSING + 1 :].T])
    found = dependence(fields, of_level)
    for number, section in enumerate(sections if len(fields) >= LEAST_FIELDS else ()):
        parent = np.zeros((len(result), len(fields)), np.uint8)
        parent[found.holds(fields, number), found.parent[number]] = 1
        result[:, section.given] = np.hstack([_bits(found.weights[number], WEIGHT_BITS), parent])
    return foreseen(fields, of_level, found)


def _parts(field: Encoded) -> Plain:
    if field.parts.shape[1] == FILTER_BITS:
        return field.parts
    return np.hstack([_bits(place.astype(np.int64), CHARACTER_BITS) for place in field.parts.T])


def _bits(numbers: Numbers, count: int) -> Plain:
    """The lowest bits of numbers, shape (numbers, count)."""
    return (numbers[:, None] >> np.arange(count) & 1).astype(np.uint8)


def lanes_of(bits: Plain, records: Numbers) -> Words:
    """The bits of some records as rows of lanes, shape (bits, ⌈records / 64⌉); of a record −1 all are 0."""
    chosen = np.zeros((bits.shape[1], -(-len(records) // LANES) * LANES), np.uint8)
    real = np.flatnonzero(records >= 0)
    chosen[:, real] = bits[records[real]].T
    packed = np.packbits(chosen, axis=1, bitorder="little")
    return np.ascontiguousarray(packed).view("<u8").astype(np.uint64)
