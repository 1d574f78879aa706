"""Which cells of a linked job may be opened, decided on secret counts: bits, one for each number that decides.

The rules are those of the protocols' references, in the same words. Nothing is opened here and nothing depends on a
secret but secrets. All counts are of rows without weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

import numpy as np

from mpcgov import kinds
from mpcgov.kinds.columns import PARTS
from mpcgov.linked import capacity, layout, released, sums, wanted
from mpcgov.linked.columns import NO_MATCH
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import model
from mpcgov.linked.sets import owner_sets
from mpcgov.linked.sums import Item, Sum
from mpcgov.mpc import SecretArray, concatenate
from mpcgov.mpc.functions import every, some_not_negative
from mpcgov.worker import divided, linkquality, owngroups
from mpcgov.worker.divided import Found


def of_rows(
    counts: SecretArray, agencies: Mapping[str, SecretArray], receivers: Collection[str], least: int
) -> SecretArray:
    """1 where a cell holds enough rows for everybody who gets it: for an agency that brought some, those of the others.

    Args:
        counts: of all agencies' rows. agencies: each one's own; if there is but one, they are its own for whoever gets
            them.
    """
    known = [own for agency, own in agencies.items() if agency in receivers and len(agencies) > 1]
    if not known:
        return counts >= least
    enough = (concatenate([counts - own for own in known]) >= least).reshape((len(known), len(counts)))
    return every([enough[place] for place in range(len(known))])


def of_agencies(counts: Collection[SecretArray], agencies: int, least: int) -> SecretArray:
    """1 where so many agencies have enough rows in a cell; `counts`: each agency's own. One that has a few is as one
    that has none: else null would tell of one person whether an agency has it."""
    rows = concatenate(list(counts)) >= least
    return rows.reshape((len(counts), len(rows) // len(counts))).sum(axis=0) >= agencies


def of_columns(counts: SecretArray, least: int) -> SecretArray:
    """1 where a number of a column may be opened.

    The rows of a data set, if they are enough; those that lack a value, if they are enough and so are the others. Of
    these, the rows at an end of the range, if they are enough and so are those between; and the different values, if
    they are enough and so are the rows that repeat one. None is never enough: it would tell of one row from some. And
    so many rows are left beside what is opened that what isn't may be any number of fewer than enough.
    """
    size, number = len(PARTS), len(counts) // len(PARTS)
    places = np.arange(number) * size
    rows, missing, lowest, highest, different = (counts[places + part] for part in range(size))
    present = rows - missing
    between = present - lowest - highest
    inner, twice, thrice = [between - least, rows - lowest - highest - 2 * least], 2 * least, 3 * least
    ends = ([end - least, *inner, present - end - twice, rows - end - thrice] for end in (lowest, highest))
    repeating = [different - least, present - different - least, rows - different - twice]
    needed = [[rows - least], [missing - least, present - least], *ends, repeating]
    starts = itertools.accumulate((len(one) for one in needed), initial=0)
    spare = concatenate([one.reshape((1, number)) for some in needed for one in some])
    bits = some_not_negative(spare, [[range(start, stop)] for start, stop in itertools.pairwise(starts)])
    return bits.reshape((size * number,))[np.arange(len(counts)).reshape(size, number).T.reshape(-1)]


def of_overlaps(owners: tuple[str, ...], counts: SecretArray, least: int) -> SecretArray:
    """1 where a set's count may be opened: it is large enough, and so is, of three owners or more, the number of keys
    in exactly that set, which the difference to a larger set's count would tell. And so large that the counts of larger
    sets may be any below the least, if they are hidden."""
    sets = [frozenset(owned) for owned in owner_sets(owners)]
    enough = counts - least * np.array([1 + len(owners) - len(owned) for owned in sets]) >= 0
    if len(owners) == 2:
        return enough
    exactly = counts
    for place, larger in enumerate(sets):
        signs = [(-1) ** (len(larger) - len(owned)) if owned < larger else 0 for owned in sets]
        exactly = exactly + counts[place : place + 1] * np.array(signs)
    return enough * (exactly >= least)


def of_model(linked: Linked, found: Found, least: int) -> dict[str, SecretArray]:
    """1 if a regression may be known: there are enough rows, in both parts of every column's division, that what is
    released can't tell a column's values, and in each class of a receiver's columns; no person has too large a share of
    a coefficient; and there is such a model. Nobody learns which of these isn't so."""
    name = kinds.counting(linked)
    (n,), (sides,), rules = found[name], found[":sides"], linked.job.disclosure
    numbers = max(rules.numbers or 0, model(linked).numbers)
    needed = capacity.steps(numbers, rules.digits, least, n.high)
    if not needed:
        return {name: 0 * n >= 1}
    both = concatenate([n, sides, n[np.zeros(len(sides), np.int64)] - sides])
    least_of = np.array([[rows, *[side] * (len(both) - 1)] for rows, side in needed], np.int64)
    spare = both[np.tile(np.arange(len(both)), len(needed))] - least_of.reshape(-1)
    classes = [count - least for count in found.get(":classes", ())]
    passed = concatenate([spare, *classes]) >= 0
    steps = passed[: spare.size].reshape(least_of.shape).sum(axis=1) - len(both)
    every = [passed[spare.size :].sum() - (passed.size - spare.size)] if classes else []
    ways = concatenate([steps, *every]) >= 0
    enough = ways[: steps.size].sum() >= 1
    if every:
        enough = enough * ways[steps.size :]
    return {name: enough * (1 - found[":heavy"][0]) * (1 - found[":undefined"][0])}


def of_cells(
    linked: Linked, found: Found, least: int, agencies: Mapping[str, Found] | None = None
) -> dict[str, SecretArray]:
    """By the name of each number that decides, 1 for the cells in which it, and what hangs on it, may be opened.

    `agencies`: each one's own sums, if rows aren't linked.
    """
    count_name = kinds.counting(linked)
    counts = found[count_name][0]
    own = {agency: numbers[count_name][0] for agency, numbers in (agencies or {}).items()}
    shown = of_rows(counts, own, linked.job.receivers, least)
    if linked.manifest.linked:
        shown = owngroups.close(linked, counts, shown, least)
    result = {count_name: shown}
    gated = wanted.gated(linked)
    alone = {
        item.n.owners: _enough(linked, item.n.owners, found[name][0], counts, least)
        for name, item in gated.items()
        if item.n.owners != linked.needed()
    }
    dominance = linked.job.disclosure.dominance
    large: dict[tuple[Sum, int], SecretArray] = {}
    known = [numbers for agency, numbers in (agencies or {}).items() if agency in linked.job.receivers and len(own) > 1]
    enough = divided.of_items(linked, found, gated, known, least) if gated else {}
    for name, item in gated.items():
        rows = released.least_rows(linked, item)
        if (item.n, rows) not in large:
            large[item.n, rows] = of_rows(found[name][0], own, linked.job.receivers, rows)
        bits, late = [large[item.n, rows]], any(map(linked.of_receiver, item.columns))
        if not late:
            bits.append(enough[name])
        if item.n.owners != linked.needed():
            bits.append(_item(linked, item, found, alone, least))
        result[name] = shown * every(bits)  # of these which cells are shown is known last
        if late:  # what hangs on rounded numbers
            result[name] = result[name] * enough[name]
        if dominance is not None:
            result[name] = result[name] * (1 - _dominated(name.removesuffix(".n"), item.name, found, dominance))
    return result | linkquality.of_links(linked, found, counts, least)


def _dominated(place: str, measure: str, found: Found, percent: int) -> SecretArray:
    """The p % rule: all but the two greatest values together are less than p % of the greatest."""
    share = Fraction(percent, 100)
    greatest, second = (found[name][0] for name in sums.top_names(measure))
    rest = found[f"{place}.x"][0] - greatest - second
    return rest * share.denominator < greatest * share.numerator


def of_noisy(linked: Linked, found: Found, least: int) -> dict[str, SecretArray]:
    """1 where a noisy number of rows is large enough. What hidden cells would tell of others, the noise hides."""
    tables = [table for table in layout.tables(linked) if table.margin_of is None]
    names = [f"{table.name}.{one.name}" for table in tables for one in table.opened if one.gate is None]
    return {name: found[name][0] >= least for name in names}


def _enough(linked: Linked, owners: frozenset[str], rows: SecretArray, counts: SecretArray, least: int) -> SecretArray:
    """There are enough rows, and enough of the cell's others, where its groups leave room for any."""
    without = [not owners - linked.needed() <= matched for matched, _ in _known_owners(linked)]
    return (rows >= least) * _many_where((counts - rows) >= least, without)


def _many_where(many: SecretArray, room: Sequence[bool]) -> SecretArray:
    """1 where there are many, or can be none."""
    return 1 - (1 - many) * np.array(room, np.int64)


def _known_owners(linked: Linked) -> list[tuple[frozenset[str], frozenset[str]]]:
    """For each cell of a left join the owners that have a match in all of its rows, as it is one of their groups', and
    those that have none."""
    cells = itertools.product(*(linked.values(column) for column in linked.asked.groups))
    parties = [column.party for column in linked.asked.groups]
    return [
        (
            frozenset(party for party, value in zip(parties, cell, strict=True) if value != NO_MATCH),
            frozenset(party for party, value in zip(parties, cell, strict=True) if value == NO_MATCH),
        )
        for cell in cells
    ]


def _item(
    linked: Linked, item: Item, found: Found, alone: Mapping[frozenset[str], SecretArray], least: int
) -> SecretArray:
    """It may be opened by itself; and its set of rows and those of the rivals that may, too, divide the cell's into
    parts that have enough rows, where its groups leave room for any. So whatever is worked out from these sets is of
    enough rows, and nobody looks as few do."""
    rivals = sorted({other.n.owners for other in sums.rivals(linked, item)} & set(alone), key=sorted)
    sets = [item.n.owners, *rivals]
    parts, room = _parts(linked, sets, found), _room(linked, sets)
    hidden: dict[tuple[int, ...], SecretArray] = {}
    allowed = [alone[item.n.owners]]
    for place, part in parts.items():
        rows = part
        for other, more in parts.items():
            differ = tuple(k for k in range(1, len(place)) if place[k] != other[k])
            if differ and place[0] == other[0]:  # one part, if every rival that tells them apart is hidden
                rows = rows + more * _product(hidden, differ, [1 - alone[owners] for owners in rivals])
        allowed.append(_many_where(rows >= least, room[place]))
    return every(allowed)


def _room(linked: Linked, sets: Sequence[frozenset[str]]) -> dict[tuple[bool, ...], list[bool]]:
    """By part, for each cell whether rows can be in it."""
    left, known = linked.needed(), _known_owners(linked)
    distinct = set(known)  # few, of however many cells
    every = frozenset().union(*sets) - left
    found: dict[tuple[bool, ...], list[bool]] = {}
    for some in _choices(every):
        place = tuple(owners - left <= some for owners in sets)
        fits = {one: one[0] & every <= some and not some & one[1] for one in distinct}
        here = [fits[one] for one in known]
        found[place] = [a or b for a, b in zip(found.get(place, here), here, strict=True)]
    return found


def _choices(owners: Collection[str]) -> list[frozenset[str]]:
    """All sets of some of these owners."""
    every = sorted(owners)
    return [frozenset(some) for size in range(len(every) + 1) for some in itertools.combinations(every, size)]


def _product(
    known: dict[tuple[int, ...], SecretArray], places: tuple[int, ...], bits: list[SecretArray]
) -> SecretArray:
    """The product of the bits at some places, from 1; those of fewer places are kept in `known`."""
    if places not in known:
        last = bits[places[-1] - 1]
        known[places] = last if len(places) == 1 else _product(known, places[:-1], bits) * last
    return known[places]


def _parts(linked: Linked, sets: Sequence[frozenset[str]], found: Found) -> dict[tuple[bool, ...], SecretArray]:
    """How many of a cell's rows are in just these of several sets, each of the rows in which some owners match."""
    left = linked.needed()
    choices = _choices(frozenset().union(*sets) - left)
    rows = {some: found[sums.rows_name(left | some)][0] for some in choices}
    parts: dict[tuple[bool, ...], SecretArray] = {}
    for some in choices:
        exactly = rows[some]
        for more in choices:
            if some < more:
                exactly = exactly + rows[more] * (-1) ** len(more - some)
        place = tuple(owners - left <= some for owners in sets)
        parts[place] = parts[place] + exactly if place in parts else exactly
    return parts
