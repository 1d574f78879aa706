"""How a field of two records agrees, and what that weighs: what owners of records compute of their own, in the clear.

A level is equal, near, partly, differs, or missing. Its weight is log₂(m/u) (Fellegi and Sunter, JASA 64, 1969): m
says how often records of one person have it, and is public, by the field's type; u how often records of two persons
have it, of this very value, as an owner counts it in its own list. So a rare name tells more than a common one. Weights
are whole numbers, in quarters of a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bits = NDArray[np.bool_]
Parts = NDArray[np.uint8]

MISSING, DIFFERS, PARTLY, NEAR, EQUAL = range(5)
LEVELS = 5

M = {
    "name": (0.06, 0.05, 0.07, 0.82),
    "text": (0.10, 0.05, 0.10, 0.75),
    "date": (0.03, 0.01, 0.04, 0.92),
    "number": (0.10, None, 0.05, 0.85),
    "code": (0.02, None, 0.03, 0.95),
}
"""By type, how often two records of one person differ, agree partly, nearly, and are equal; None: no such level."""


def shares(type_: str, equal: float | None = None) -> tuple[float | None, ...]:
    """Those of a field; if it is said how often records of one person are equal, the others keep their proportion."""
    usual = M[type_]
    if equal is None:
        return usual
    rest = (1 - equal) / sum(share for share in usual[:-1] if share is not None)
    return (*(None if share is None else share * rest for share in usual[:-1]), equal)


QUARTERS = 4
MOST_WEIGHT = 127
"""No level of a field weighs more, or less than its negative: 32 bits either way."""
SWAPPED = -5 * QUARTERS
"""What first and last name in each other's place weigh besides two equal names: about one person in 32 has them so."""
SAMPLE = 256
"""How many of its own records, evenly spread, an owner compares a value with to see how often others are like it."""
FILTER_BITS = 64
ENOUGH = 30
"""So many records tell how often their values are there once more."""
CHARACTERS = 61
"""Characters are told apart by their number modulo this."""
AT_ONCE = 1024
"""Values that are compared with the sample at once."""
PLACES = {"date": 8, "number": 8, "code": 12}
"""So many characters are compared one by one; those further on are one more together."""


@dataclass(frozen=True)
class Encoded:
    """A field of one owner's records.

    `values`: a digest of each text, 0 where the field is missing. `parts`: by type, the pairs of neighbouring
    characters as a filter, shape (records, FILTER_BITS), or the characters as numbers up to CHARACTERS, shape
    (records, places). `equal`: how often two records of one person are equal here; None: as usual for the type.
    """

    type: str
    values: NDArray[np.uint64]
    parts: Parts
    equal: float | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def present(self) -> Bits:
        """Which records have the field."""
        present: Bits = self.values != 0
        return present


def filtered(type_: str) -> bool:
    """Whether a field is compared by its neighbouring characters, not one by one."""
    return type_ in ("name", "text")


def encoded(type_: str, texts: Sequence[str], equal: float | None = None) -> Encoded:
    """Texts, normalised, as a field; "" where it is missing. `equal`: see `Encoded`."""
    values = np.array([_digest(text) for text in texts], np.uint64)
    lengths = np.array([len(text) for text in texts], np.int64)
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), "<u4").astype(np.uint64)
    return Encoded(type_, values, (_filters if filtered(type_) else _characters(type_))(codes, lengths), equal)


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") if text else 0


def _filters(codes: NDArray[np.uint64], lengths: Ints) -> Parts:
    """Of each text the pairs of its neighbouring characters, with both ends, as bits."""
    result = np.zeros((len(lengths), FILTER_BITS), np.uint8)
    row = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum(lengths) - lengths
    before = np.concatenate([[np.uint64(0)], codes[:-1]])[: len(codes)]
    before[starts[lengths > 0]] = 0
    result[row, _place(before, codes)] = 1
    ends = np.flatnonzero(lengths)
    result[ends, _place(codes[starts[ends] + lengths[ends] - 1], np.zeros(len(ends), np.uint64))] = 1
    return result


def _place(one: NDArray[np.uint64], next_: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where two neighbouring characters are in a filter: two rounds of multiplying and shifting, as splitmix64 has."""
    number = (one << np.uint64(21) | next_) * np.uint64(0x9E3779B97F4A7C15)
    number = (number ^ number >> np.uint64(32)) * np.uint64(0xBF58476D1CE4E5B9)
    return (number >> np.uint64(40)).astype(np.int64) % FILTER_BITS


def _characters(type_: str) -> Callable[[NDArray[np.uint64], Ints], Parts]:
    """Of each text its characters, numbers from their end; all from the last place on are one together."""
    places, backwards = PLACES[type_], type_ == "number"

    def found(codes: NDArray[np.uint64], lengths: Ints) -> Parts:
        result = np.zeros((len(lengths), places), np.uint8)
        starts = np.cumsum(lengths) - lengths
        for at in range(int(lengths.max(initial=0))):
            rows = np.flatnonzero(lengths > at)
            code = codes[starts[rows] + (lengths[rows] - 1 - at if backwards else at)].astype(np.int64)
            last = min(at, places - 1)
            result[rows, last] = 1 + (31 * result[rows, last].astype(np.int64) + code) % CHARACTERS
        return result

    return found


def levels(a: Encoded, b: Encoded, i: Ints, j: Ints) -> Ints:
    """How records i of one list agree with records j of another in a field; all of shape (pairs,)."""
    x, y = a.parts[i], b.parts[j]
    common = (x & y).sum(axis=1, dtype=np.int64)
    both = x.sum(axis=1, dtype=np.int64) + y.sum(axis=1, dtype=np.int64)
    near, partly = _alike(a.type, common, both, x, y)
    return _level(a.values[i] == b.values[j], near, partly, a.present[i] & b.present[j])


def levels_of_all(field: Encoded, some: Ints, others: Ints) -> Ints:
    """The same of every one of some records with every one of some others in one list, shape (some, others)."""
    x, y = field.parts[some], field.parts[others]
    common = np.rint(x.astype(np.float32) @ y.T.astype(np.float32))
    both = x.sum(axis=1, dtype=np.int64)[:, None] + y.sum(axis=1, dtype=np.int64)
    near, partly = _alike(field.type, common, both, x[:, None], y[None])
    equal = field.values[some][:, None] == field.values[others]
    return _level(equal, near, partly, field.present[some][:, None] & field.present[others])


def _level(equal: Bits, near: Bits, partly: Bits, present: Bits) -> Ints:
    found = np.where(equal, EQUAL, np.where(near, NEAR, np.where(partly, PARTLY, DIFFERS)))
    return np.where(present, found, MISSING)


def _alike(type_: str, common: Any, both: Ints, x: Parts, y: Parts) -> tuple[Bits, Bits]:
    """Whether values are near, and at least partly alike: filters by their Dice coefficient, else by characters."""
    if filtered(type_):
        return 8 * common >= 3 * both, 4 * common >= both
    near = _one_slip(x, y)
    if type_ != "date":
        return near, near
    year, month, day = (_same(x, y, places, places) for places in (range(4), range(4, 6), range(6, 8)))
    near = near | (year & _same(x, y, range(4, 8), (6, 7, 4, 5)))
    return near, near | (year & month) | (year & day) | (month & day)


def _same(x: Parts, y: Parts, of_x: Sequence[int], of_y: Sequence[int]) -> Bits:
    """Whether some characters of one are some of the other."""
    found: Bits = np.logical_and.reduce([x[..., k] == y[..., m] for k, m in zip(of_x, of_y, strict=True)])
    return found


def _one_slip(x: Parts, y: Parts) -> Bits:
    """Whether at most one character differs, or two neighbours changed places."""
    places = range(x.shape[-1])
    same = [x[..., k] == y[..., k] for k in places]
    differing = len(same) - np.sum(same, axis=0)
    found: Bits = differing <= 1
    for k in places[:-1]:
        swapped = _same(x, y, (k, k + 1), (k + 1, k))
        found = found | (swapped & (differing == 2) & ~same[k])
    return found


def weights(field: Encoded, own: float = 0.5) -> Ints:
    """What each level weighs for each record of the second list, by its owner's own; shape (records, LEVELS).

    Args:
        own: so much of how often a value occurs is the pair's own; half a record of one list, where the other list
            isn't known, and one and a half if both are in this list.
    """
    result = np.zeros((len(field), LEVELS), np.int64)
    known = np.flatnonzero(field.present)
    if not len(known):
        return result
    _, first, of_value = np.unique(field.values[known], return_index=True, return_inverse=True)
    size = min(SAMPLE, len(known))
    sample = known[np.arange(size) * len(known) // size]
    often = np.empty((len(first), LEVELS))
    for start in range(0, len(first), AT_ONCE):
        found = levels_of_all(field, known[first[start : start + AT_ONCE]], sample)
        for level in range(LEVELS):
            often[start : start + AT_ONCE, level] = (found == level).mean(axis=1)
    often = np.maximum(often, 1 / (4 * SAMPLE))
    often[:, EQUAL] = frequencies(field, own)[known[first]]
    result[known] = _weighed(shares(field.type, field.equal), often)[of_value]
    return result


def frequencies(field: Encoded, own: float = 0.5) -> NDArray[np.float64]:
    """How often others have each record's value, by how often the list has it; 1 where the field is missing."""
    _, of_value, count = np.unique(field.values, return_inverse=True, return_counts=True)
    records = int(field.present.sum())
    others = np.bincount(count[of_value][field.present], minlength=2)
    expected = _expected(others, own)[np.where(field.present, count[of_value], 0)]
    often: NDArray[np.float64] = np.where(field.present, expected / max(1, records), 1.0)
    return often


def _expected(records: Ints, own: float) -> NDArray[np.float64]:
    """In how many records of other persons a value is expected that a list has once, twice, …; shape of `records`.

    If nearly all values are there once, as dates of birth are, each is rarer than one in the list: how many records
    have a value that is there once more tells how rare (Robbins 1956; Good, Biometrika 40, 1953). It is never more than
    the count less `own`.

    Args:
        records: how many have a value that is there so many times, from 0 on.
    """
    usual: NDArray[np.float64] = np.maximum(np.arange(len(records)) - own, 0.5)
    least = 0.0
    for count in range(1, len(records)):
        if records[count] < ENOUGH:
            break
        more = records[count + 1] if count + 1 < len(records) else 0
        least = usual[count] = min(usual[count], max(least, count * (more + 0.5) / records[count]))
    return usual


def _weighed(same: Sequence[float | None], often: NDArray[np.float64]) -> Ints:
    """Weights, by how often records of one person have a level, and others', shape (values, LEVELS)."""
    result = np.zeros(often.shape, np.int64)
    better = np.full(len(often), MOST_WEIGHT, np.int64)
    for level in (EQUAL, NEAR, PARTLY, DIFFERS):
        m = same[level - 1]
        if m is not None:
            found = np.rint(QUARTERS * np.log2(m / often[:, level])).astype(np.int64)
            better = np.clip(np.minimum(found, better), -MOST_WEIGHT, MOST_WEIGHT)
        result[:, level] = better  # no level weighs more than a better one
    return result
