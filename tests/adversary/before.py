"""Rules as they were before they were mended, or as they would be without: what stands in a fix's place."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from mpcgov import disclosure
from mpcgov.errors import DataError
from mpcgov.mpc import concatenate
from mpcgov.node.differencing import Release, Side
from mpcgov.spec.condition import Expr
from mpcgov.spec.difference import Rows
from mpcgov.worker import keys, unique
from mpcgov.worker.advice import MISSING

Without = Callable[[Any], Any]
"""What stands in a fix's place, from what stood there."""


def gives(value: Any) -> Without:
    """Whatever it is asked."""
    return lambda _: lambda *_args, **_kwargs: value


def none(_: Any) -> Without:
    return lambda *_args, **_kwargs: iter(())


def refusing(what: str) -> Without:
    """Reading as it was: it ends where the owner is told something of the chosen rows."""

    def without(keyed_rows: Any) -> Any:
        def keyed(*asked: Any) -> Any:
            rows = keyed_rows(*asked)
            if any(what in note for note in rows.notes):
                raise DataError("refused")
            return rows

        return keyed

    return without


def judged_as_chosen(keyed_rows: Any) -> Any:
    """Whether the chosen rows are unique, not the data set."""

    def keyed(source: Any, wanted: Any, where: Expr | None = None) -> Any:
        with patch.object(unique, "judge", lambda *_: None):
            rows = keyed_rows(source, wanted, where)
        if wanted.rules is None and keys.repeated(rows.keys)[0]:
            raise DataError("refused")
        return rows

    return keyed


def as_many_as_chosen(keyed_rows: Any) -> Any:
    def keyed(*asked: Any) -> Any:
        rows = keyed_rows(*asked)
        return replace(rows, listed=len(rows))

    return keyed


def missing_among_chosen(filtered: Any) -> Any:
    """Whether the chosen rows lack a value, not the data set."""

    def chosen(source: Any, names: Collection[str], where: Expr | None) -> Any:
        rows = filtered(source, names, where)
        lacking = {name: (rows[source.fault(name)] == MISSING).sum() for name in names}
        refuses = source.declaration.missing == "refuse"
        if names and refuses and any(source.query(rows.aggregate(**lacking)).to_pylist()[0].values()):
            raise DataError("refused")
        return rows

    return chosen


def missing_anywhere(check_columns: Any) -> Any:
    return lambda source, used, _: check_columns(source, used, used)


def any_owner_apart(compare: Any) -> Any:
    """Linked rows are other persons' once any owner's rows are others."""

    def excused(new: Release, old: Release, me: str, *, persons_apart: bool) -> Side:
        sides = [compare(new, old, part.party, persons_apart=True) for part in new.parts]
        own: Side = compare(new, old, me, persons_apart=persons_apart)
        return Side.APART if Side.APART in sides and new.link == old.link != "none" else own

    return excused


def through_any_corner(
    counts: Sequence[int], shown: Sequence[bool], columns: int, impossible: Collection[int] = ()
) -> set[int] | None:
    """Complementary suppression that takes the least cycle, even through an empty cell."""
    closing: set[int] = set()
    for cell, may in enumerate(shown):
        if may:
            continue
        found = [
            (sum(counts[other] for other in cycle), place, cycle)
            for place, cycle in enumerate(disclosure.cycles(cell, len(counts), columns))
            if shown[cycle[0]] and shown[cycle[1]]
        ]
        if not found:
            return None
        closing.update(min(found)[2])
    return closing


def all_items(_: Any) -> Any:
    def of_items(_linked: Any, found: Any, items: Mapping[str, Any], *_more: Any) -> dict[str, Any]:
        return {name: found[name][0] * 0 + 1 for name in items}

    return of_items


def whoever_is_heavy(of_model: Any) -> Any:
    def model(linked: Any, found: Mapping[str, Any], least: int) -> Any:
        return of_model(linked, {**found, ":heavy": [0 * place for place in found[":heavy"]]}, least)

    return model


def of_one_side(steps: Any) -> Any:
    return lambda *asked: [(rows, 0) for rows, _ in steps(*asked)]


def of_each_job(secret: Any) -> Any:
    """Coins of their own for each job."""
    return lambda identity, asked, manifest, party, whole: secret(
        identity, asked, manifest, party, f"{whole} {asked.nonce}"
    )


def whatever_has_changed(admit: Any) -> Any:
    """What was read is put down, and held against nothing."""
    return lambda *read: admit(*read) and None


def whatever_is_known(_: Any) -> Any:
    return lambda counts, _own, _receivers, least: counts >= least


def as_shown(_: Any) -> Any:
    return lambda _linked, _counts, shown, _least: shown


def with_any_row(_: Any) -> Any:
    return lambda counts, least, _: sum(count > 0 for count in counts) >= least


def all_rates(_: Any) -> Any:
    return lambda _linked, found, name, _least: found[f"{name}.records"][0] * 0 + 1


def theirs_in_all(few: Any) -> Any:
    """A partner's rows are taken to be the same in all tables, whatever its filters."""

    def alike(groups: Any, tables: Sequence[Rows], least: int) -> Any:
        return few(groups, [one.model_copy(update={"company": one.company and "all"}) for one in tables], least)

    return alike


def without_theirs(_: Any) -> Any:
    """A partner's rows aren't looked at."""
    following = importlib.import_module("mpcgov.worker.following")
    return following._few_of


def by_what_is_left(counts: Any, least: int) -> Any:
    """Each number of a column is looked at by itself, and what it leaves."""
    places = np.arange(len(counts) // 5) * 5
    rows, missing, lowest, highest, different = (counts[places + part] for part in range(5))
    present = rows - missing
    left = [rows, present, present - lowest - highest, present - lowest - highest, present - different]
    bits = [
        (one >= least) * (rest >= least)
        for one, rest in zip((rows, missing, lowest, highest, different), left, strict=True)
    ]
    return concatenate(bits)[np.arange(len(counts)).reshape(5, len(places)).T.reshape(-1)]
