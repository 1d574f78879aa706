"""An owner's rows as the columns that it deals: products, groups and limbs, in the clear, a whole column at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mpcgov.linked.classes import MOST_JOINT
from mpcgov.linked.dealing import Dealt
from mpcgov.linked.divisions import divided, in_classes, with_parts
from mpcgov.linked.limbs import Numbers, limb_of
from mpcgov.linked.model import Model
from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import Words


def composed(dealt: Sequence[Dealt], columns: Mapping[str, Numbers], own_groups: Numbers) -> Words:
    """The dealt columns of an owner's rows, elements, shape (columns, rows); what is worked out of all its rows, unless
    it is among the columns already."""
    columns = with_parts(columns, {*factors(dealt)} - {*columns}, own_groups)
    result = np.empty((len(dealt), len(own_groups)), np.int64)
    for place, one in enumerate(dealt):
        if one.strides:
            result[place] = sum(columns[name] * stride for name, stride in one.strides)
            continue
        result[place] = limb_of(columns, one) if one.factor else 1
        if one.level is not None:
            result[place] *= own_groups == one.level
    return field.from_signed(result)


def factors(dealt: Sequence[Dealt]) -> Iterator[str]:
    """The names of the columns that are dealt, or whose products are."""
    return (name for one in dealt for name in one.factor)


def designed(model: Model, owner: str, columns: Mapping[str, Numbers], rows: int) -> Words:
    """What an owner deals for a regression, of the rows with keys: 1, then its limbs, and last, where its columns are
    judged together, which rows are in each class of these; elements, shape (1 + limbs + classes, rows)."""
    limbs, judged = model.limbs(owner), model.judged.get(owner)
    result = np.ones((1 + len(limbs), rows), np.int64)
    for place, one in enumerate(limbs, start=1):
        if one.side:
            result[place] = divided(columns[one.column])
        elif one.level is None:
            result[place] = limb_of(columns, Dealt(None, (one.column,), one.radix_bits, one.limb))
        else:
            result[place] = columns[one.column] == one.level
    if judged:
        together = in_classes([columns[name] for name in judged], np.zeros(rows, np.int64), MOST_JOINT)
        result = np.concatenate([result, together])
    return field.from_signed(result)
