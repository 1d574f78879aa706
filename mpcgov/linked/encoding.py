"""How records become filters of bits, and pairs of them scores: the public numbers of it, by the fields' types alone.

A record's filter has one segment for each field. Two records' Dice coefficient over these segments is
2⟨a,b⟩ / (|a| + |b|), where a field that one of them lacks counts half of the other's bits there, and one that both
lack nothing. Twice its distance from the threshold p/q, times q and the denominator, is the whole number
    s = 4q·⟨a,b⟩ − p·(Σ over fields of |a_f|·[b has f] + |b_f|·[a has f]) − p·(|a| + |b|),
one inner product of what each owner knows. A record without any field, like a row that pads a list, has instead of |a|
a weight that no record reaches, so that it is like none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

FieldType = Literal["name", "text", "date", "number", "code"]

FILTER_BITS = 1024
MOST_PAIRS = 30_000_000
"""So many pairs are compared at most, unless the records are divided into blocks."""

IDENTIFIER_WORDS, IDENTIFIER_BITS = 6, 56
"""What identifies a record to receivers is at most 42 bytes of UTF-8, seven to a number, the first ones lowest."""

MOST_CANDIDATES = 16
"""By fields, each record is compared with so many of the other list at most: the best by score of runs of it."""
LEAST_RUN = 32
"""No run is shorter but the last: of so few the right one is the best by score as often as of many."""
SCORE_STEP = 32
"""Scores that fall into one step of so many are the same."""

CANDIDATE_FILTER_BITS, ODD_BITS = 848, 13

Match = Literal["one-to-one", "one-to-many", "many-to-one"]
"""How many records of the first owner may be linked to one of the second's, and the reverse."""
ONE_TO_ONE: Match = "one-to-one"

USUAL_PROBABILITY = Fraction(7, 10)
"""The least probability of links, if a job says nothing of it; where few persons are in both lists, it is more."""
WRONG_LINKS, WRONG_SHARE, FREE_LINKS = 10, 100, 20
"""Where a job doesn't say how probable links are at least, a tenth of a link is expected to be wrong at most, or, if
that is more, a hundredth of those beyond twenty: of few links one that is wrong is a large share."""

PROBABILITIES = (Fraction(9, 10), Fraction(99, 100))
"""How many links are at least so probable is counted, beside how many are probable enough."""

DOUBT = Fraction(1, 20)
"""A best pair whose Dice is nearer to the threshold than this is doubtful."""

PRIME_BITS = (17, 19)
HUNDREDTHS = 100
"""Thresholds have at most two decimal places, so that scores fit the larger prime."""


@dataclass(frozen=True)
class Usual:
    """Of a type of field, how many bits of the filter it gets beside others, and how many tokens it usually has."""

    weight: int
    tokens: int


USUAL: dict[FieldType, Usual] = {
    "name": Usual(10, 7),
    "text": Usual(10, 14),
    "date": Usual(10, 8),
    "number": Usual(5, 3),
    "code": Usual(7, 6),
}
"""Found on FEBRL and on the examples' registers; anything near does as well."""

CANDIDATE_WEIGHT: dict[FieldType, int] = {"name": 10, "text": 10, "date": 10, "number": 5, "code": 3}
"""The weights in filters that only choose candidates: a code such as the sex tells little there."""


@dataclass(frozen=True)
class Segment:
    """A field's bits of the filter: where they start, how many, how many each token sets, how many may be set.

    `fields`: by their numbers; two names that may be in each other's place have one segment.
    """

    fields: tuple[int, ...]
    type: FieldType
    start: int
    bits: int
    hashes: int
    most: int


@dataclass(frozen=True)
class Scoring:
    """A job's filters and scores: the segments, and the threshold p/q.

    `odd`: what is computed is 2(s + largest) + 1 in place of s: odd, and not negative. See `gates.added_odd`.
    """

    segments: tuple[Segment, ...]
    p: int
    q: int
    odd: bool = False

    @property
    def filter_bits(self) -> int:
        """Bits of a filter."""
        return sum(segment.bits for segment in self.segments)

    @property
    def terms(self) -> int:
        """Terms of the inner product: the filter, each field's weight and presence, the weight of all, and 1."""
        return self.filter_bits + 2 * len(self.segments) + 2

    @property
    def most(self) -> int:
        """No filter has more bits set."""
        return sum(segment.most for segment in self.segments)

    @property
    def nobody(self) -> int:
        """The weight of what is no record."""
        return 2 * self.most

    @property
    def largest(self) -> int:
        """No score is larger in magnitude."""
        return 4 * max(self.p, self.q - self.p) * self.most

    @property
    def prime_bits(self) -> int:
        """Scores are computed modulo 2^prime_bits − 1."""
        return ODD_BITS if self.odd else next(bits for bits in PRIME_BITS if self.largest < 1 << (bits - 1))


def run_length(columns: int) -> int:
    """How many neighbours are in each run that so many columns fall into."""
    length = LEAST_RUN
    while -(-columns // length) > MOST_CANDIDATES:
        length *= 2
    return length


def runs_of(columns: int) -> int:
    """How many runs those are, of each of which a row has one candidate."""
    return -(-columns // run_length(columns))


def scoring(types: Sequence[FieldType], threshold: Fraction) -> Scoring:
    """The filters of records with fields of these types, scored against a threshold."""
    weight_of = {type_: usual.weight for type_, usual in USUAL.items()}
    alone = [(number,) for number in range(len(types))]
    return Scoring(_segments(types, alone, FILTER_BITS, weight_of), threshold.numerator, threshold.denominator)


def candidate_scoring(types: Sequence[FieldType]) -> Scoring:
    """The same of filters by whose scores records have candidates; so small that 16 · most + 1 < 2^ODD_BITS − 1."""
    return Scoring(_segments(types, _names_together(types), CANDIDATE_FILTER_BITS, CANDIDATE_WEIGHT), 1, 2, odd=True)


def _names_together(types: Sequence[FieldType]) -> list[tuple[int, ...]]:
    """All fields, the first two names as one: it says nothing of candidates which of them is the first name."""
    names = [number for number, type_ in enumerate(types) if type_ == "name"][:2]
    rest = [number for number in range(len(types)) if number not in names]
    return [tuple(names)] * bool(names) + [(number,) for number in rest]


def _segments(
    types: Sequence[FieldType], together: Sequence[tuple[int, ...]], all_bits: int, weight_of: Mapping[FieldType, int]
) -> tuple[Segment, ...]:
    """A token sets as many bits as fill two fifths of a segment."""
    total = sum(weight_of[type_] for type_ in types)
    segments, start = [], 0
    for fields in together:
        type_ = types[fields[0]]
        tokens = USUAL[type_].tokens * len(fields)
        bits = all_bits * weight_of[type_] * len(fields) // total
        hashes = max(1, (51 * bits + 50 * tokens) // (100 * tokens))
        segments.append(Segment(fields, type_, start, bits, hashes, 3 * bits // 5))
        start += bits
    return tuple(segments)
