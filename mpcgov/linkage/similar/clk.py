"""Records as filters of bits (CLK, record-level Bloom filters), in the clear at their owner; nobody else sees one.

Texts fall into tokens: names and texts into pairs of neighbouring characters with both ends, the others into characters
with their places. Each token sets bits of its field's segment: where, AES-256 says under a key that the two owners make
for the fields. Then all bits change places, in an order of that key's. Sources: Schnell, Bachteler and Reiher, BMC
Medical Informatics 9:41 (2009); Durham et al., IEEE TKDE 26(12) (2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.linkage.similar.small import Small, modulus
from mpcgov.linkage.tags import Texts, derived
from mpcgov.linked.encoding import IDENTIFIER_BITS, IDENTIFIER_WORDS, FieldType, Scoring, Segment
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.stream import Stream

Numbers = NDArray[np.int64]

MOST_PLACES = 64
"""Characters further from the end count as if they stood here."""
_CHARACTER_BITS = 21
_AT_ONCE = 4096


def identifier_words(texts: Texts) -> Words:
    """Texts of at most 42 bytes as six numbers of 56 bits each, shape (6, texts)."""
    lengths = np.diff(texts.offsets)
    width = IDENTIFIER_BITS // 8
    characters = np.zeros((len(texts), IDENTIFIER_WORDS * width), np.uint8)
    row = np.repeat(np.arange(len(texts)), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    characters[row, place] = texts.data[texts.offsets[0] : texts.offsets[-1]]
    words = np.zeros((len(texts), IDENTIFIER_WORDS, 8), np.uint8)
    words[:, :, :width] = characters.reshape(len(texts), IDENTIFIER_WORDS, width)
    return np.ascontiguousarray(words.view("<u8")[:, :, 0].T)


@dataclass(frozen=True)
class FilterKeys:
    """What the owners of two lists know of their filters: a key for each field, and the order of all bits."""

    fields: tuple[bytes, ...]
    order: bytes


def filter_keys(secrets: Sequence[bytes], compared: str, owners: Sequence[str], fields: int) -> FilterKeys:
    """The keys for the segments of what is compared, by HKDF over both owners' secrets, the first owner's first.

    They are no job's own: only the owners ever see filters, and other keys would link other records.
    """
    context = (compared, *owners, "filters")
    keys = tuple(derived(secrets, context, f"field {number}") for number in range(fields))
    return FilterKeys(keys, derived(secrets, context, "order"))


@dataclass(frozen=True)
class _Tokens:
    """A field's tokens: those of record i are which[starts[i]:starts[i + 1]], and token t sets the bits places[t]."""

    starts: Numbers
    which: Numbers
    places: Numbers


class Filters:
    """An owner's records as rows of numbers whose inner products with the other owner's are scores.

    `texts`: of each field, empty where a record lacks it.
    `order`: which record is in each row, −1 in rows that are like nobody. `first`: whether ours are a or b.
    """

    def __init__(self, texts: Sequence[Texts], keys: FilterKeys, scoring: Scoring, order: Numbers, first: bool) -> None:
        fields = sum(len(segment.fields) for segment in scoring.segments)
        if len({len(text) for text in texts}) != 1 or len(texts) != fields:
            raise InternalError("records without all their fields")
        self._scoring = scoring
        self.records, self._first = order, first
        self._order = Stream(keys.order).permutation(scoring.filter_bits)
        self._tokens = [
            _tokens(_joined([texts[number] for number in segment.fields]), segment, key)
            for segment, key in zip(scoring.segments, keys.fields, strict=True)
        ]

    def ordered(self, order: Numbers) -> Filters:
        """The same records' in another order."""
        found = copy(self)
        found.records = order
        return found

    def rows(self, some: Numbers) -> Small:
        """The numbers of some rows modulo the job's prime, shape (rows, terms)."""
        scoring, count = self._scoring, len(some)
        filters, weights = self._filled(some)
        total = self._total(weights)
        result = np.zeros((count, scoring.terms), np.int64)
        result[:, : scoring.filter_bits] = filters[:, self._order]
        present = (weights > 0).astype(np.int64)
        ours = [weights, present, total[:, None], np.ones((count, 1), np.int64)]
        if not self._first:
            scale = 2 if scoring.odd else 1
            result *= 4 * scoring.q * scale
            ours = [-scoring.p * scale * part for part in (present, weights, ours[3], ours[2])]
            ours[3] += (2 * scoring.largest + 1) * scoring.odd
        result[:, scoring.filter_bits :] = np.concatenate(ours, axis=1)
        return (result % modulus(scoring.prime_bits)).astype(np.uint32)

    def weights(self) -> tuple[Numbers, Numbers]:
        """The bits set of each field of each row, shape (fields, rows), and of all fields, shape (rows,)."""
        rows = np.arange(len(self.records))
        parts = [self._filled(rows[start : start + _AT_ONCE])[1] for start in range(0, len(rows), _AT_ONCE)]
        weights = np.concatenate(parts)
        return np.ascontiguousarray(weights.T), self._total(weights)

    def _filled(self, some: Numbers) -> tuple[NDArray[np.uint8], Numbers]:
        """The filters of some rows before their bits change places, and how many bits of each field are set."""
        scoring = self._scoring
        records = self.records[some]
        real = np.flatnonzero(records >= 0)
        filters = np.zeros((len(some), scoring.filter_bits), np.uint8)
        weights = np.zeros((len(some), len(scoring.segments)), np.int64)
        for f, (segment, tokens) in enumerate(zip(scoring.segments, self._tokens, strict=True)):
            part = filters[:, segment.start : segment.start + segment.bits]
            _set(part, real, tokens, records[real], segment.most)
            weights[:, f] = part.sum(axis=1, dtype=np.int64)
        return filters, weights

    def _total(self, weights: Numbers) -> Numbers:
        total: Numbers = weights.sum(axis=1)
        total[total == 0] = self._scoring.nobody
        return total


def filler(scoring: Scoring) -> Small:
    """The first side's row of numbers of what is no record."""
    row = np.zeros(scoring.terms, np.uint32)
    row[-2:] = scoring.nobody, 1
    return row


def _set(part: NDArray[np.uint8], rows: Numbers, tokens: _Tokens, records: Numbers, most: int) -> None:
    """Set the bits of some records in some rows of `part`; of each at most so many as may be."""
    counts = tokens.starts[records + 1] - tokens.starts[records]
    if not counts.sum():
        return
    before = np.cumsum(counts) - counts
    which = np.arange(counts.sum()) + np.repeat(tokens.starts[records] - before, counts)
    part[np.repeat(rows, counts)[:, None], tokens.places[tokens.which[which]]] = 1
    full = np.flatnonzero(part.sum(axis=1, dtype=np.int64) > most)
    part[full] *= np.cumsum(part[full], axis=1, dtype=np.int64) <= most


def _joined(each: Sequence[Texts]) -> Texts:
    """Several fields as one, those that are there: a 0 lies between two, as it lies around each."""
    if len(each) == 1:
        return each[0]
    parts = [(one.data.tobytes(), one.offsets.tolist()) for one in each]
    found = [
        b"\0".join(filter(None, (data[ends[row] : ends[row + 1]] for data, ends in parts)))
        for row in range(len(each[0]))
    ]
    return Texts(np.frombuffer(b"".join(found), np.uint8), np.cumsum([0, *map(len, found)], dtype=np.int64))


def _tokens(texts: Texts, segment: Segment, key: bytes) -> _Tokens:
    characters, starts = _characters(texts)
    values, bounds = _values(characters, starts, segment.type)
    distinct, which = np.unique(values, return_inverse=True)
    return _Tokens(bounds, which.reshape(-1), _places(distinct, segment, key))


def _characters(texts: Texts) -> tuple[Numbers, Numbers]:
    """All characters, and where each record's begin."""
    first, last = int(texts.offsets[0]), int(texts.offsets[-1])
    data = texts.data[first:last]
    begins = np.concatenate([[0], np.cumsum((data & 0xC0) != 0x80)])
    codes = np.frombuffer(data.tobytes().decode().encode("utf-32-le"), "<u4").astype(np.int64)
    return codes, begins[texts.offsets - first]


def _values(characters: Numbers, starts: Numbers, type_: FieldType) -> tuple[Numbers, Numbers]:
    """The tokens of all records as numbers, and where each record's begin."""
    lengths = np.diff(starts)
    if type_ not in ("name", "text"):
        place = np.arange(len(characters)) - np.repeat(starts[:-1], lengths)
        if type_ == "number":
            place = np.repeat(lengths, lengths) - 1 - place
        return np.minimum(place, MOST_PLACES) << _CHARACTER_BITS | characters, starts
    present = lengths > 0
    counts = np.where(present, lengths + 1, 0)
    ends = np.zeros(int(counts.sum()) + 1, np.int64)  # one 0 between two records ends the first and begins the second
    rank = np.cumsum(present)
    ends[np.arange(len(characters)) + np.repeat(rank, lengths)] = characters
    return ends[:-1] << _CHARACTER_BITS | ends[1:], np.concatenate([[0], np.cumsum(counts)])


def _places(distinct: Numbers, segment: Segment, key: bytes) -> Numbers:
    """The bits that each token sets, by double hashing with two independent 64-bit numbers; shape (tokens, hashes)."""
    blocks = np.zeros((len(distinct), 2), "<u8")
    blocks[:, 0] = distinct
    cipher = Cipher(algorithms.AES256(key), modes.ECB()).encryptor()  # noqa: S305 - of distinct blocks, once each
    words = np.frombuffer(cipher.update(blocks.tobytes()), "<u8").reshape(-1, 2)
    start = (words[:, 0] % segment.bits).astype(np.int64)
    step = 1 + (words[:, 1] % max(1, segment.bits - 1)).astype(np.int64)
    return (start[:, None] + np.arange(segment.hashes) * step[:, None]) % segment.bits
