"""Numbers made of a column that a receiver owns, and may have designed: their steps are wider than what one row adds.

The owner of a column knows all of it. So a number made of it is an equation in another owner's values, or in who is
linked, with coefficients of its choice. Each is rounded to steps several times as wide as what one row can
move it by: the width of the column, in its owner's group, times the same of the other column, or its standard
deviation if no receiver owns that. As all rows of a cell are of one group, such a bound times their number is a sum of
columns, and so are the floors of totals times n, spreads and products. docs/security/disclosure.md has the argument.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpcgov.linked import classes
from mpcgov.linked.divisions import DEVIATION, WIDTH, named
from mpcgov.linked.facts import Linked
from mpcgov.linked.qualified import Qualified

Columns = tuple[Qualified, ...]


def of_total(linked: Linked, column: Qualified) -> Columns | None:
    """Of which columns the sum of products bounds what a row adds to n·Σx; None if no receiver owns the column."""
    return (_moved(linked, column),) if linked.of_receiver(column) else None


def of_spread(linked: Linked, column: Qualified) -> Columns | None:
    """The same of n·Σx² − (Σx)²."""
    return (_moved(linked, column),) * 2 if linked.of_receiver(column) else None


def of_product(linked: Linked, pair: Columns) -> Columns | None:
    """The same of n·Σxy − Σx·Σy."""
    return tuple(_moved(linked, column) for column in pair) if any(map(linked.of_receiver, pair)) else None


def products(linked: Linked, columns: Columns) -> list[Columns]:
    """All of them for a measure or a pair."""
    found = [bound(linked, column) for column in columns for bound in (of_total, of_spread)]
    found += [of_product(linked, columns)] if len(columns) == 2 else []
    return [product for product in found if product is not None]


def faults(linked: Linked) -> Iterator[str]:
    """What can't be bounded so: two columns of one receiver, whose difference may be one row's, and weights."""
    numbers = [*linked.asked.numbers, *([] if linked.asked.weight is None else [linked.asked.weight])]
    own = [column for column in numbers if linked.of_receiver(column)]
    for party in dict.fromkeys(column.party for column in own):
        several = [str(column) for column in own if column.party == party]
        if len(several) > 1:
            yield (
                f"params: {' and '.join(several)} are {party}'s, who gets the result: of a receiver's own numbers only "
                "one, as two can differ in one person; ask for one, or name receivers without such numbers"
            )
    if own and linked.asked.weight is not None:
        yield f"params.weight: not with {own[0]}, as {own[0].party} gets the result: a weight can be one person's"
    if own and linked.job.disclosure.dominance is not None:
        yield f"disclosure.dominance: not with {own[0]}, as {own[0].party} gets the result and knows these values"


def sentences(linked: Linked, step_bits: int) -> Iterator[str]:
    """What steps do to numbers, and for whom they would have to, in plain words."""
    columns = [column for column in linked.asked.numbers if column.party]
    for column in columns:
        if linked.of_receiver(column):
            of_class = classes.least_rows(linked.job.disclosure.min_count, 1 << step_bits)
            yield (
                f"{column.party} gets the result and knows {column}: it is cut into at most {classes.MOST} classes of "
                f"many rows, each of which has its class's mean; a number made of it is null unless each class has "
                f"{of_class} linked rows, and rounded to steps more than {1 << step_bits} times as wide as what one "
                "person adds"
            )
    others = dict.fromkeys(column.party for column in columns if not linked.of_receiver(column))
    if others and len(linked.owners) > 1:
        yield (
            "who will be shown the numbers must be named as a receiver, as steps are for receivers only: "
            f"{' or '.join(others)} could find single persons of others by numbers of its own, made up for it"
        )


def _moved(linked: Linked, column: Qualified) -> Qualified:
    return Qualified(column.party, named(WIDTH if linked.of_receiver(column) else DEVIATION, column.column))
