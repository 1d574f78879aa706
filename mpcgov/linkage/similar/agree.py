"""How the fields of many pairs agree, and what pairs weigh, as secret bits: `mpcgov.records.agreement` in circuits.

Each pair has a lane, in which are the bits of both of its records. All fields of one kind go through one circuit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mpcgov.linkage.similar.gates import ones
from mpcgov.linkage.similar.stacks import (
    Stacks,
    exclusive,
    joined,
    part,
    shaped,
    shifted,
    spread,
    stacked,
    widened,
    zeros,
)
from mpcgov.linked.encoding import FieldType
from mpcgov.linked.fieldbits import (
    CHARACTER_BITS,
    DICE_BITS,
    START_BITS,
    TOTAL_BITS,
    WEIGHED,
    WEIGHT_BITS,
    FieldBits,
    field_bits,
)
from mpcgov.mpc.word import steps
from mpcgov.mpc.word.sign import Pieces
from mpcgov.records.agreement import DIFFERS, EQUAL, FILTER_BITS, PLACES, SWAPPED, filtered
from mpcgov.records.dependence import LEAST_FIELDS

EVERY = slice(None)


@dataclass(frozen=True)
class Agreement:
    """For each field, one bit a pair: whether it is equal, at least near, at least partly alike; shape (words,)."""

    equal: Pieces
    near: Pieces
    partly: Pieces


class Pairs:
    """Pairs of records in lanes: the bits of the rows' and of the columns' owner, shape (bits, words)."""

    def __init__(self, stacks: Stacks, me: int, types: Sequence[FieldType], a: Pieces, b: Pieces) -> None:
        self._stacks = stacks
        self._me = me
        self._a, self._b = a, b
        self._sections = list(zip(field_bits(types, first=True), field_bits(types, first=False), strict=True))
        self._words = a.left.shape[1]

    async def weights(self) -> Pieces:
        """Every pair's weight as numbers of TOTAL_BITS in two's complement, shape (TOTAL_BITS, words)."""
        names = [f for f, (mine, _) in enumerate(self._sections) if mine.type == "name"][:2]
        (beside,) = self._stacks.apart(1)
        levels, swapped = await steps.both(self._levels(), self._swapped(beside, names))
        chosen = await self._weighed(levels)
        numbers = [widened(part(chosen, slice(f, f + 1)), TOTAL_BITS) for f in range(len(levels))]
        if swapped is not None:
            both = await self._names(names, [numbers[f] for f in names], swapped)
            numbers = [number for f, number in enumerate(numbers) if f not in names] + [both]
        ends = [shaped(part(side, slice(-START_BITS, None)), 1, START_BITS, -1) for side in (self._a, self._b)]
        starts = [shifted(end, 0, TOTAL_BITS) for end in ends]
        return await self._stacks.summed(joined([*numbers, *starts]))

    # -- levels

    async def _levels(self) -> list[Agreement]:
        """Digests and each kind of field side by side: far parties wait as long as for the longest of them."""
        kinds = {kind: self._of(kind) for kind in dict.fromkeys(mine.type for mine, _ in self._sections)}
        digests = [self._both(mine.digest, other.digest) for mine, other in self._sections]
        first, *others = self._stacks.apart(1 + len(kinds))
        same = first.equal(*(stacked([pair[k] for pair in digests]) for k in (0, 1)))
        each = [self._alike(stacks, *one) for stacks, one in zip(others, kinds.items(), strict=True)]
        equal, alike = await steps.both(same, steps.together(*each))
        found = {
            f: (part(near, k), part(partly, k))
            for fields, (near, partly) in zip(kinds.values(), alike, strict=True)
            for k, f in enumerate(fields)
        }
        return [Agreement(part(equal, f), *found[f]) for f in range(len(self._sections))]

    def _of(self, kind: FieldType) -> list[int]:
        return [f for f, (mine, _) in enumerate(self._sections) if mine.type == kind]

    async def _alike(self, stacks: Stacks, kind: FieldType, fields: Sequence[int]) -> tuple[Pieces, Pieces]:
        return await (self._filters(stacks, fields) if filtered(kind) else self._characters(stacks, fields, kind))

    def _both(self, mine: slice, other: slice) -> tuple[Pieces, Pieces]:
        return part(self._a, mine), part(self._b, other)

    async def _filters(self, stacks: Stacks, fields: Sequence[int]) -> tuple[Pieces, Pieces]:
        """Dice at least 3/4 and 1/2: 8c − 3(|a| + |b|) and 4c − (|a| + |b|) aren't negative."""
        parts = [self._both(*(section.parts for section in self._sections[f])) for f in fields]
        met = await stacks.both(*(stacked([pair[k] for pair in parts]) for k in (0, 1)))
        common = await stacks.counted(shaped(met, len(fields), FILTER_BITS, self._words))
        terms = [joined([shifted(common, 3, DICE_BITS), shifted(common, 2, DICE_BITS)])]
        for owner, bits in enumerate((self._a, self._b)):
            counts = [part(bits, self._sections[f][owner].counts) for f in fields]
            each = [stacked([part(c, slice(k, k + DICE_BITS)) for c in counts]) for k in (0, DICE_BITS)]
            terms.append(joined(each))
        total = await stacks.summed(stacked(terms))
        reached = stacks.negated(part(total, EVERY, DICE_BITS - 1))
        return part(reached, slice(len(fields))), part(reached, slice(len(fields), None))

    async def _characters(self, stacks: Stacks, fields: Sequence[int], kind: FieldType) -> tuple[Pieces, Pieces]:
        """At most one character differs or two neighbours changed places; of dates, see `_dates`."""
        places = PLACES[kind]
        a, b = (
            stacked(
                [
                    shaped(part(bits, self._sections[f][owner].parts), places, CHARACTER_BITS, self._words)
                    for f in fields
                ]
            )
            for owner, bits in enumerate((self._a, self._b))
        )
        wanted = [(k, k) for k in range(places)]
        wanted += [pair for k in range(places - 1) for pair in ((k, k + 1), (k + 1, k))]
        wanted += [(4, 6), (5, 7), (6, 4), (7, 5)] if kind == "date" else []
        of_a, of_b = (np.array([pair[k] for pair in wanted]) for k in (0, 1))
        shape = (len(fields) * len(wanted), CHARACTER_BITS, self._words)
        found = await stacks.equal(shaped(part(a, EVERY, of_a), *shape), shaped(part(b, EVERY, of_b), *shape))
        same = shaped(found, len(fields), len(wanted), self._words)
        near = await self._one_slip(
            stacks, part(same, EVERY, slice(places)), part(same, EVERY, slice(places, 3 * places - 2))
        )
        if kind != "date":
            return near, near
        return await self._dates(stacks, near, same)

    async def _one_slip(self, stacks: Stacks, same: Pieces, crossed: Pieces) -> Pieces:
        """Of which places are the same, shape (fields, places, words), and which neighbours are each other's."""
        fields, places, words = same.left.shape
        swapped = await stacks.both(part(crossed, EVERY, slice(0, None, 2)), part(crossed, EVERY, slice(1, None, 2)))
        differs = stacks.negated(part(same, EVERY, slice(places - 1)))
        swapped = await stacks.both(swapped, differs)
        some = Pieces(*(np.bitwise_xor.reduce(side, axis=1) for side in (swapped.left, swapped.right)))
        none, one, two = same, stacks.negated(same), zeros(fields, places, words)
        while (count := none.left.shape[1]) > 1:  # how many differ: none, exactly one, exactly two
            half = count // 2
            (n, o, t), (m, p, u) = (
                [part(x, EVERY, some_) for x in (none, one, two)] for some_ in (slice(half), slice(half, 2 * half))
            )
            met = await stacks.both(joined([n, n, o, n, o, t]), joined([m, p, m, u, p, m]))
            nm, np_, om, nu, op, tm = (part(met, slice(k * fields, (k + 1) * fields)) for k in range(6))
            rest = slice(2 * half, None)
            none = joined([nm, part(none, EVERY, rest)], axis=1)
            one = joined([np_ ^ om, part(one, EVERY, rest)], axis=1)
            two = joined([nu ^ op ^ tm, part(two, EVERY, rest)], axis=1)
        turned = await stacks.both(part(two, EVERY, 0), some)
        return part(none, EVERY, 0) ^ part(one, EVERY, 0) ^ turned

    async def _dates(self, stacks: Stacks, near: Pieces, same: Pieces) -> tuple[Pieces, Pieces]:
        """Day and month in each other's place are near too; partly alike are two of year, month and day."""
        year = await stacks.all_of(part(same, EVERY, slice(4)))
        two = await stacks.both(part(same, EVERY, slice(4, 8, 2)), part(same, EVERY, slice(5, 8, 2)))
        month, day = part(two, EVERY, 0), part(two, EVERY, 1)
        turned = await stacks.all_of(
            joined([shaped(year, *year.left.shape[:1], 1, -1), part(same, EVERY, slice(-4, None))], axis=1)
        )
        near = await self._either(stacks, near, turned)
        return near, await self._either(stacks, near, await stacks.majority(year, month, day))

    async def _either(self, stacks: Stacks, x: Pieces, y: Pieces) -> Pieces:
        return x ^ y ^ await stacks.both(x, y)

    # -- weights

    async def _weighed(self, levels: Sequence[Agreement]) -> Pieces:
        """Each field's weight, shape (fields, WEIGHT_BITS, words): 0 where a row lacks it. Levels imply worse ones."""
        present = stacked([part(self._a, mine.own.start) for mine, _ in self._sections])
        bits = stacked([joined([_row(one.partly), _row(one.near), _row(one.equal)]) for one in levels])
        offered = stacked([self._offered(other) for _, other in self._sections])
        met, *given = await self._stacks.each((spread(present, 3), bits), *self._given(bits, offered))
        there = joined([shaped(present, len(levels), 1, -1), met], axis=1)
        steps = joined(
            [part(offered, EVERY, slice(1)), part(offered, EVERY, slice(1, None)) ^ part(offered, EVERY, slice(-1))],
            axis=1,
        )
        pairs = [(spread(there, WEIGHT_BITS), steps)]
        if given:
            step, parents = given
            pairs.append((spread(exclusive(parents), WEIGHT_BITS), step))
        weighed, *further = await self._stacks.each(*pairs)
        return exclusive(weighed) ^ further[0] if further else exclusive(weighed)

    def _given(self, bits: Pieces, offered: Pieces) -> Iterator[tuple[Pieces, Pieces]]:
        """The factors of one more level, that a field's parent is equal, too: where the field is equal, by what that
        weighs otherwise, shape (fields, WEIGHT_BITS, words), and which fields are equal and which of them is the
        parent, shape (fields, fields, words). Two products at once: a third factor needs no third round."""
        if len(self._sections) >= LEAST_FIELDS:
            equal = part(bits, EVERY, -1)
            given = stacked([part(self._b, other.given) for _, other in self._sections])
            yield spread(equal, WEIGHT_BITS), part(given, EVERY, slice(WEIGHT_BITS)) ^ part(offered, EVERY, -1)
            parents = part(given, EVERY, slice(WEIGHT_BITS, None))
            yield Pieces(*(np.broadcast_to(side, parents.left.shape) for side in (equal.left, equal.right))), parents

    def _offered(self, other: FieldBits) -> Pieces:
        """The weights of a field's levels, worst first, shape (levels, WEIGHT_BITS, words)."""
        return shaped(part(self._b, other.own), len(WEIGHED), WEIGHT_BITS, self._words)

    async def _swapped(self, stacks: Stacks, names: Sequence[int]) -> Pieces | None:
        """Whether both names are there and equal in each other's place; None if there are fewer than two."""
        if len(names) < 2:
            return None
        (p, other_p), (q, other_q) = (self._sections[f] for f in names)
        ab = [self._both(p.digest, other_q.digest), self._both(q.digest, other_p.digest)]
        crossed = await stacks.equal(*(stacked([pair[k] for pair in ab]) for k in (0, 1)))
        there = [part(self._a, section.own) for section in (p, q)]
        return await stacks.all_of(shaped(joined([crossed, *there]), 1, 4, self._words))

    async def _names(self, names: Sequence[int], numbers: Sequence[Pieces], swapped: Pieces) -> Pieces:
        """The weight of two names together: as they are, or as equal ones in each other's place if that is more."""
        others = [self._sections[f][1] for f in names]
        equal = [widened(part(self._offered(one), slice(EQUAL - DIFFERS, None)), TOTAL_BITS) for one in others]
        both = await self._stacks.added(joined([numbers[0], equal[0]]), joined([numbers[1], equal[1]]))
        straight, turned = part(both, slice(1)), part(both, slice(1, None))
        first, second = self._stacks.apart(2)
        below = [straight, self._stacks.negated(turned), self._constant(-SWAPPED)]  # straight − less − 1
        less, behind = await steps.together(first.added(turned, self._constant(SWAPPED)), second.summed(stacked(below)))
        better = await self._stacks.both(swapped, part(behind, EVERY, TOTAL_BITS - 1))
        return await self._stacks.chosen(better, less, straight)

    def _constant(self, number: int) -> Pieces:
        """A public number in every lane."""
        found = zeros(1, TOTAL_BITS, self._words)
        row = ones(self._me, self._words)
        for b in range(TOTAL_BITS):
            if number >> b & 1:
                found.left[0, b], found.right[0, b] = row.left, row.right
        return found


def _row(bits: Pieces) -> Pieces:
    return shaped(bits, 1, -1)
