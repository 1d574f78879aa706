"""An owner's rows as the columns that it deals: products, groups and limbs, in the clear, a whole column at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mpcgov.linked.dealing import Dealt
from mpcgov.linked.divisions import divided, with_parts
from mpcgov.linked.facts import Linked
from mpcgov.linked.limbs import Numbers, limb_of
from mpcgov.linked.model import Limb
from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import Words


def groups(linked: Linked, party: str, columns: Mapping[str, Numbers], rows: int) -> Numbers:
    """The joint group of each of a party's rows: row-major over those columns that span cells and are its own."""
    place = np.zeros(rows, np.int64)
    for column in linked.asked.groups:
        if column.party == party:
            place = place * len(linked.levels(column)) + columns[column.column]
    return place


def composed(dealt: Sequence[Dealt], columns: Mapping[str, Numbers], own_groups: Numbers) -> Words:
    """The dealt columns of an owner's rows, elements, shape (columns, rows)."""
    columns = with_parts(columns, {name for one in dealt for name in one.factor}, own_groups)
    result = np.empty((len(dealt), len(own_groups)), np.int64)
    for place, one in enumerate(dealt):
        if one.strides:
            result[place] = sum(columns[name] * stride for name, stride in one.strides)
            continue
        result[place] = limb_of(columns, one) if one.factor else 1
        if one.level is not None:
            result[place] *= own_groups == one.level
    return field.from_signed(result)


def designed(limbs: Sequence[Limb], columns: Mapping[str, Numbers], rows: int) -> Words:
    """What an owner deals for a regression, of the rows with keys: 1, and then its limbs; elements, shape
    (1 + limbs, rows)."""
    result = np.ones((1 + len(limbs), rows), np.int64)
    for place, one in enumerate(limbs, start=1):
        if one.side:
            result[place] = divided(columns[one.column])
        elif one.level is None:
            result[place] = limb_of(columns, Dealt(None, (one.column,), one.radix_bits, one.limb))
        else:
            result[place] = columns[one.column] == one.level
    return field.from_signed(result)
