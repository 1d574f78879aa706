"""Which columns each owner deals for a star of spokes, and how the wanted sums are made of them: public facts only.

Every sum over cells is a matrix product: of the left owner's groups, one column of 0 and 1 for each, with columns that
are products of one column of each other owner. An owner multiplies its own columns, and picks out its own groups, in
the clear, so only products between owners cost anything.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from mpcgov.linked.columns import NO_MATCH
from mpcgov.linked.facts import Linked
from mpcgov.linked.qualified import Qualified
from mpcgov.linked.sums import Sum


@dataclass(frozen=True)
class Dealt:
    """One column that an owner deals: for its real rows a limb of a product of its columns, of no columns 1.

    `level`: only rows of one of the owner's groups, numbered row-major over its `by` columns; None: all. `strides`: in
    place of a product, the owner's part of the number of the row's cell: these times the places of its `by` columns'
    values.
    """

    level: int | None = None
    factor: tuple[str, ...] = ()
    radix_bits: int = 0
    limb: int = 0
    strides: tuple[tuple[str, int], ...] = ()


Ref = tuple[str, int]
"""An owner, and the place of a column among those that it deals."""
Product = tuple[Ref, ...]


@dataclass(frozen=True)
class Ranked:
    """Which dealt columns tell a row's cell and values. By owner: `real`, and `parts` of the cell's number."""

    real: tuple[Ref, ...]
    parts: tuple[Ref, ...]
    values: dict[Qualified, Ref]
    cells: int


@dataclass
class Dealing:
    """What is dealt and multiplied for one star.

    `groups`: how many the left owner's rows are in. `others`: owners with groups of their own, and how many each; in a
    left join each has one more, for all rows. `columns`: for each sum and place, and then row-major for each choice of
    the others' groups, the products that are added up. `cells`: for each cell of the domain its place, row-major over
    the left owner's groups and then the others', (no match) last; −1 where there can't be anybody.
    `ranked`: with the p % rule, what cells' greatest values are found by.
    """

    left: str
    groups: int
    others: dict[str, int]
    with_all: bool
    sums: tuple[Sum, ...]
    dealt: dict[str, list[Dealt]] = field(default_factory=dict)
    columns: list[tuple[Product, ...]] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    ranked: Ranked | None = None
    _places: dict[tuple[str, Dealt], int] = field(default_factory=dict)

    @property
    def extents(self) -> tuple[int, ...]:
        """How many choices there are of each other owner's groups."""
        return tuple(count + self.with_all for count in self.others.values())

    def place(self, owner: str, dealt: Dealt) -> Ref:
        """Where an owner deals a column; it is added to the list if it isn't there."""
        columns = self.dealt.setdefault(owner, [])
        place = self._places.setdefault((owner, dealt), len(columns))
        if place == len(columns):
            columns.append(dealt)
        return owner, place


def dealing(linked: Linked, left: str, sums: Sequence[Sum], owners: Sequence[str]) -> Dealing:
    """The dealing for the star of `left` among `owners`, of which it is one."""
    sizes = {owner: prod(len(linked.levels(column)) for column in _own(linked, owner)) for owner in owners}
    others = {owner: sizes[owner] for owner in owners if owner != left and _own(linked, owner)}
    plan = Dealing(left, sizes[left], others, linked.left is not None, tuple(dict.fromkeys(sums)))
    for owner in owners:
        plan.place(owner, Dealt())  # says which rows are real
    for one in plan.sums:
        for place in range(one.places):
            for choice in itertools.product(*map(range, plan.extents)):
                plan.columns.append(tuple(_products(plan, one, place, dict(zip(others, choice, strict=True)))))
    plan.cells = _cells(linked, plan)
    if linked.job.disclosure.dominance is not None:
        plan.ranked = _ranked(linked, plan)
    return plan


def _ranked(linked: Linked, plan: Dealing) -> Ranked:
    """The columns with which each cell's greatest values are found; the plan gets those that it hasn't."""
    values = {column: plan.place(column.party, Dealt(factor=(column.column,))) for column in linked.asked.measures}
    cells, strides = 1, dict[str, list[tuple[str, int]]]()
    for column in reversed(linked.asked.groups):
        strides.setdefault(column.party, []).append((column.column, cells))
        cells *= len(linked.values(column))
    parts = tuple(plan.place(owner, Dealt(strides=tuple(found))) for owner, found in strides.items())
    return Ranked(tuple(plan.place(owner, Dealt()) for owner in plan.dealt), parts, values, cells)


def _own(linked: Linked, owner: str) -> list[Qualified]:
    return [column for column in linked.asked.groups if column.party == owner]


def _products(plan: Dealing, one: Sum, place: int, choice: dict[str, int]) -> list[Product]:
    """The products of limbs whose places add up to `place`, over the rows of a choice of the others' groups."""
    parts = []
    for owner in (plan.left, *(owner for owner in plan.dealt if owner != plan.left)):
        factor = one.factors.get(owner, ())
        level = choice.get(owner)
        if level is not None and level == plan.others[owner]:
            level = None
        if owner == plan.left and not factor:
            continue  # its groups alone say which of its rows are real
        if owner != plan.left and owner not in one.owners and level is None:
            continue
        radix_bits = one.radix_bits if factor else 0
        limbs = [Dealt(level, factor, radix_bits, k) for k in range(dict(one.limbs).get(owner, 1))]
        parts.append([(k, owner, dealt) for k, dealt in enumerate(limbs)])
    if not parts:
        return [(plan.place(plan.left, Dealt()),)]
    chosen = [terms for terms in itertools.product(*parts) if sum(k for k, _, _ in terms) == place]
    return [tuple(plan.place(owner, dealt) for _, owner, dealt in terms) for terms in chosen]


def _cells(linked: Linked, plan: Dealing) -> list[int]:
    by = linked.asked.groups
    places = []
    for values in itertools.product(*(linked.values(column) for column in by)):
        cell = dict(zip(by, values, strict=True))
        place = _level(linked, plan.left, cell)
        for owner, extent in zip(plan.others, plan.extents, strict=True):
            level = _level(linked, owner, cell)
            place = -1 if place is None or level is None or place < 0 else place * extent + level
        places.append(-1 if place is None else place)
    return places


def _level(linked: Linked, owner: str, cell: dict[Qualified, str]) -> int | None:
    """The joint group of an owner's columns in a cell; one past the last if it has no match; None if they disagree."""
    own, level = _own(linked, owner), 0
    missing = [cell[column] == NO_MATCH for column in own] if linked.left not in (None, owner) else []
    if any(missing):
        return prod(len(linked.levels(column)) for column in own) if all(missing) else None
    for column in own:
        levels = linked.levels(column)
        level = level * len(levels) + levels.index(cell[column])
    return level
