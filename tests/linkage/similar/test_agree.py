"""Weights of pairs, by circuits on secret bits: those of the plain reference, whatever fields and levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mpcgov.linkage.similar.agree import Pairs
from mpcgov.linkage.similar.fields import lanes_of, record_bits
from mpcgov.linkage.similar.gates import enter
from mpcgov.linkage.similar.stacks import Stacks
from mpcgov.linked.encoding import FieldType
from mpcgov.linked.fieldbits import TOTAL_BITS, record_bit_count
from mpcgov.mpc.word import lanes
from mpcgov.records import agreement, fellegi_sunter
from mpcgov.records.dependence import NOBODY, dependence
from mpcgov.records.prior import start
from tests.linkage.similar.compared import opened, texts
from tests.mpc.word.local import Party, make_parties, run

FIRSTS = ["anna", "anne", "annabella", "bert", "berta", "", "katherine", "catherine", "jørgen", "राम"]
LASTS = ["smith", "smyth", "jones", "johnes", "anna", "", "berta", "wood", "woods", "रमा"]
DATES = ["19800211", "19801102", "19800212", "19800311", "19790211", "19880211", "", "20000101", "19802011", "1980"]
CODES = ["ab1234", "ab1243", "ab1235", "xb1234", "", "abcdefghijklmnop", "abcdefghijklmnoq", "9", "19", "ab123"]
NUMBERS = ["5", "15", "125", "152", "", "12", "123456789012", "223456789012", "51", "0"]
ALL = {"name": FIRSTS, "text": LASTS, "date": DATES, "code": CODES, "number": NUMBERS}


def weights(
    types: Sequence[FieldType], first: list[list[str]], second: list[list[str]], pairs: np.ndarray
) -> np.ndarray:
    """What comes out of the circuits for pairs of places in two lists of fields."""
    every = [record_bits([texts(values) for values in side], types, k == 0) for k, side in enumerate((first, second))]
    sides = [one.bits for one in every]
    words = lanes.words_for(len(pairs))

    async def program(party: Party):
        entered = []
        for owner in (0, 1):
            own = lanes_of(sides[owner], pairs[:, owner]) if party.me == owner else None
            count = record_bit_count(types, first=owner == 0)
            entered.append(await enter(party.line.channel(), party.prss, owner, own, (count, words)))
        stacks = Stacks(party.line.channel, party.prss)
        return await Pairs(stacks, party.me, types, *entered).weights()

    bits = opened(run(make_parties(3), program))
    numbers = sum(lanes.from_row(row, len(pairs)).astype(np.int64) << b for b, row in enumerate(bits))
    return np.where(numbers >= 1 << (TOTAL_BITS - 1), numbers - (1 << TOTAL_BITS), numbers)


@pytest.mark.parametrize(
    "types",
    [("name",), ("date",), ("code", "number"), ("name", "date", "name"), ("name", "name", "text", "date", "code")],
)
def test_weights_are_those_of_the_reference(types):
    rng = np.random.default_rng(5)
    first, second = ([[str(v) for v in rng.choice(ALL[type_], 60)] for type_ in types] for _ in range(2))
    if types[:2] == ("name", "name"):
        second[0][:20], second[1][:20] = first[1][:20], first[0][:20]
    pairs = np.concatenate([np.arange(60)[:, None].repeat(2, 1), rng.integers(0, 60, (140, 2))])
    fields = [[agreement.encoded(*one) for one in zip(types, side, strict=True)] for side in (first, second)]
    expected = fellegi_sunter.pair_weights(*fields, pairs[:, 0], pairs[:, 1]) + start(1) + start(60)
    assert weights(types, first, second, pairs).tolist() == expected.tolist()
    assert len(set(expected.tolist())) > 5


def test_fields_that_go_together_weigh_what_they_do_in_the_reference():
    rng = np.random.default_rng(7)
    types = ("name", "name", "date")
    second = [[str(v) for v in rng.choice(ALL[type_], 60)] for type_ in types]
    second[0][:20] = ["anna", "bert", "katherine", "jørgen"] * 5
    second[1][:20], second[2][:20] = ["smith"] * 20, ["19800211"] * 20
    first = [list(values) for values in second]
    fields = [[agreement.encoded(*one) for one in zip(types, side, strict=True)] for side in (first, second)]
    given = dependence(fields[1], [agreement.weights(field) for field in fields[1]])
    assert set(given.parent) != {NOBODY}
    pairs = np.stack(np.meshgrid(np.arange(0, 60, 5), np.arange(60)), axis=-1).reshape(-1, 2)
    expected = fellegi_sunter.pair_weights(*fields, pairs[:, 0], pairs[:, 1]) + start(1) + start(60)
    assert weights(types, first, second, pairs).tolist() == expected.tolist()
