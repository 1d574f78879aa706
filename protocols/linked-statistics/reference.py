"""What linked-statistics means, in plain Python: the ideal functionality, disclosure control included.

Numbers are exact up to the last step, which rounds them.
"""

import itertools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from mpcgov import figures, owngroups
from mpcgov.linked import classes

Key = tuple[str, ...]
Owner = Mapping[Key, Mapping[str, str]]
Cell = tuple[str, ...]


class Item(NamedTuple):
    """A measure, or a pair of measures: what is summed, and the owners that must have a match besides the left one."""

    columns: tuple[str, ...]
    summed: frozenset[str]
    apart: frozenset[str]


class Join(NamedTuple):
    """The linked rows."""

    owners: Mapping[str, Owner]
    left: str
    by: Sequence[str]
    least: int
    is_left: bool
    domains: Mapping[str, Any]
    digits: int
    receivers: Sequence[str]
    times: int = 1

    def moves(self, columns: Sequence[str], keys: Sequence[Key]) -> list[figures.Moves]:
        """By how much one row moves each column, where a receiver owns one."""
        return figures.moves({column: self.taken(column, keys) for column in columns}, self.receivers, self.times)

    def numbers(self, columns: Sequence[str], keys: set[Key]) -> list[list[int]]:
        """Columns of some rows, in steps of their last place."""
        return [
            [figures.steps(self.value(column, key) or "0", self.domains[column]) for key in keys] for column in columns
        ]

    def weights(self, column: str | None, keys: set[Key]) -> list[int] | None:
        """The rows' weights."""
        return None if column is None else self.numbers([column], keys)[0]

    def rows(self) -> list[Key]:
        """The keys of all rows."""
        return [key for key in self.owners[self.left] if self.is_left or all(key in o for o in self.owners.values())]

    def value(self, column: str, key: Key) -> str | None:
        """A column's value in a row; None where its owner has no such key."""
        party, _, name = column.partition(".")
        return self.owners[party][key][name] if key in self.owners[party] else None

    def taken(self, column: str, keys: Sequence[Key]) -> figures.Taken:
        """A column with all that its owner knows of it, and the owner's rows."""
        party, _, name = column.partition(".")
        rows = self.owners[party]
        return figures.Own(rows.values(), name, classes.of_party(self.by, party), self.domains[column]), [
            rows[key] for key in keys
        ]

    def in_classes(self, columns: Collection[str]) -> Any:
        """With the classes' means for the receivers' columns."""
        rows = {party: list(own.values()) for party, own in self.owners.items()}
        spanned = {column: len(_values(column, self.domains, self)) for column in self.by}
        found = classes.in_cells(rows, columns, spanned, self.domains, self.receivers, self.of_class)
        owners = {party: dict(zip(own, found[party], strict=True)) for party, own in self.owners.items()}
        return self._replace(owners=owners)

    @property
    def of_class(self) -> int:
        """How many rows each class of a receiver's column must have."""
        return classes.least_rows(self.least, self.times)

    def fills_classes(self, column: str, keys: Collection[Key]) -> bool:
        """Whether they have in these rows."""
        own, rows = self.taken(column, list(keys))
        return column.partition(".")[0] not in self.receivers or own.fills(rows, self.of_class)

    def matched(self, keys: Sequence[Key], parties: frozenset[str]) -> set[Key]:
        """The rows with a match at all of some owners."""
        return {key for key in keys if all(key in self.owners[party] for party in parties)}

    def item(self, columns: tuple[str, ...], weight: str | None) -> Item:
        """A measure or pair of this join."""
        summed = frozenset((*columns, *([weight] if weight else [])))
        parties = frozenset(column.partition(".")[0] for column in summed) - {self.left}
        return Item(columns, summed, parties if self.is_left else frozenset())


def run(
    owners: Mapping[str, Owner],
    domains: Mapping[str, Any],
    params: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:
    """The released tables: each cell's count, each measure's mean and variance, each pair's correlation.

    Args:
        owners: by party, its rows by normalised key, in job order; numbers as text, in units.
        domains: by `party.column`, its values in order; of a number min, max and places.
        params: `by`, `measures`, `correlations` and `weight`, all optional.
        rules: `join` (inner or left), `min_count`, `receivers`, those who get the result, and if that is asked for
            `dominance`, `digits` and `numbers`.
    """
    by, left, weight = list(params.get("by", [])), next(iter(owners)), params.get("weight")
    digits = rules.get("digits", figures.DIGITS)
    receivers = rules.get("receivers", ())
    join = Join(owners, left, by, rules["min_count"], rules["join"] == "left", domains, digits, receivers)
    measures = [join.item((column,), weight) for column in params.get("measures", [])]
    pairs = [join.item(tuple(pair), weight) for pair in params.get("correlations", [])]
    values = [_values(column, domains, join) for column in by]
    rows: dict[Cell, list[Key]] = {cell: [] for cell in itertools.product(*values)}
    released = _own_numbers(measures, pairs, weight, "dominance" in rules)
    numbers = rules.get("numbers") or released
    join = join._replace(times=1 << figures.step_bits(numbers - released))
    join = join.in_classes({column for item in (*measures, *pairs) for column in item.columns})
    for key in join.rows():
        rows[tuple(join.value(column, key) or owngroups.NO_MATCH for column in by)].append(key)
    hidden = owngroups.hidden(rows, by, rules, owners)
    statistics, correlation = [], []
    for cell, keys in rows.items():
        known = {} if cell in hidden else _known(join, cell, keys, measures, pairs)
        for item in list(known):
            values = [figures.possible(domains[column]) for column in item.summed]
            enough = len(known[item]) >= figures.least_rows(numbers, join.digits, values)
            held = figures.least_held(numbers, digits)
            if not enough or not _of_enough(join, item, weight, known[item], held):
                del known[item]
        row: list[Any] = [*cell, None if cell in hidden else len(keys)]
        for item in measures:
            row += _described(join, item, weight, known.get(item), rules.get("dominance"))
        statistics.append(row)
        correlation += [[*cell, *item.columns, _r(join, item, weight, known.get(item))] for item in pairs]
    return {"statistics": statistics} | ({"correlation": correlation} if pairs else {})


def _values(column: str, domains: Mapping[str, Sequence[str]], join: Join) -> list[str]:
    other = join.is_left and column.partition(".")[0] != join.left
    return [*domains[column], owngroups.NO_MATCH] if other else list(domains[column])


def _known(
    join: Join, cell: Cell, keys: Sequence[Key], measures: Sequence[Item], pairs: Sequence[Item]
) -> dict[Item, set[Key]]:
    """The rows of each measure and pair of a cell whose sums may be opened.

    There must be enough of them, and enough of the cell's others. Sums of one column over several such sets of rows,
    and numbers of rows of which one set is among another, tell of the parts into which these sets divide the cell's
    rows: each must have enough rows, too, if there can be any in a cell of these groups. A measure without weights
    doesn't heed pairs; they give way to it. What runs over all of a cell's rows hangs on its count alone.
    """
    rows = {item: join.matched(keys, item.apart) for item in (*measures, *pairs)}
    alone = {item: own for item, own in rows.items() if not item.apart or _divides_well(join, cell, [item.apart], keys)}
    known = {}
    for item, own in alone.items():
        sets = [item.apart, *(other.apart for other in alone if _rival(join, item, other))]
        if not item.apart or _divides_well(join, cell, sets, keys):
            known[item] = own
    return known


def _of_enough(join: Join, item: Item, weight: str | None, keys: set[Key], held: int) -> bool:
    """Whether no column has nearly always the same value, nor one of a pair in the rows where the other hasn't; the
    values hold so much; and each class of a receiver's column has enough rows."""
    if not all(join.fills_classes(column, keys) for column in item.columns):
        return False
    ordered = list(keys)
    taken = [join.taken(column, ordered) for column in item.columns]
    of_weight = None if weight is None else join.taken(weight, ordered)
    return figures.linked_of_enough(taken, of_weight, join.least, held)


def _divides_well(join: Join, cell: Cell, sets: Sequence[frozenset[str]], keys: Sequence[Key]) -> bool:
    """Whether enough rows have a match at all owners of the first set, and so many are in each part into which all sets
    divide rows of such a cell: where one of an owner's own groups has a match, and where it lacks one, none."""
    others = [party for party in join.owners if party != join.left]
    grouped = [
        (column.partition(".")[0], value == owngroups.NO_MATCH) for column, value in zip(join.by, cell, strict=True)
    ]
    possible = set()
    for found in itertools.product((False, True), repeat=len(others)):
        has = dict(zip(others, found, strict=True))
        if all(party == join.left or has[party] != lacks for party, lacks in grouped):
            possible.add(tuple(all(has[party] for party in some) for some in sets))
    parts = Counter(tuple(all(key in join.owners[party] for party in some) for some in sets) for key in keys)
    enough = sum(parts[place] for place in parts if place[0]) >= join.least
    return enough and all(parts[place] >= join.least for place in possible)


def _rival(join: Join, item: Item, other: Item) -> bool:
    """Whether what is opened of an item can be compared with what is opened of another one over other rows: sums of one
    column, or numbers of rows that are among each other, as the owners of a cell's groups match in all its rows."""
    alone = len(item.summed) == 1 and len(other.columns) == 2
    grouped = frozenset(column.partition(".")[0] for column in join.by)
    own, others = item.apart | grouped, other.apart | grouped
    related = item.summed & other.summed or own <= others or own >= others
    return bool(related) and item.apart != other.apart and not alone


def _own_numbers(measures: Sequence[Item], pairs: Sequence[Item], weight: str | None, dominance: bool) -> int:
    """How many numbers are opened of one column's rows, at most: of a measure a total and a spread, of a pair two
    spreads and a product, and of each Σw; each once for the same rows."""
    weights = frozenset([weight] if weight else [])
    opened = {("total", item.summed, item.apart) for item in measures}
    opened |= {("weight", weights, item.apart) for item in (*measures, *pairs)}
    if not dominance:
        opened |= {
            ("spread", weights | {column}, item.apart) for item in (*measures, *pairs) for column in item.columns
        }  # fmt: skip
    opened |= {("product", item.summed, item.apart) for item in pairs}
    every = frozenset().union(*(columns for _, columns, _ in opened))
    return max((sum(column in columns for _, columns, _ in opened) for column in every), default=0)


def _described(join: Join, item: Item, weight: str | None, keys: set[Key] | None, dominance: int | None) -> list[Any]:
    """Mean and variance; with `dominance` no variance, and no mean if all but the two greatest values are together less
    than so many percent of the greatest."""
    if keys is None:
        return [None, None]
    (x,), unit = join.numbers(item.columns, keys), figures.unit(join.domains[item.columns[0]])
    moves = join.moves(item.columns, list(keys))
    mean, variance = figures.described(x, unit, join.digits, join.weights(weight, keys), *moves)
    if dominance is None:
        return [mean, variance]
    values = sorted(x, reverse=True)
    return [None if 100 * sum(values[2:]) < dominance * values[0] else mean, None]


def _r(join: Join, item: Item, weight: str | None, keys: set[Key] | None) -> float | None:
    if keys is None:
        return None
    x, y = join.numbers(item.columns, keys)
    weights, moves = join.weights(weight, keys), join.moves(item.columns, list(keys))
    return figures.correlation(x, y, join.digits, weights, moves)
