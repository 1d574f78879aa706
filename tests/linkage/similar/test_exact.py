"""Exact pairs before all others: against the plain reference, and what each party is told of them."""

from __future__ import annotations

import itertools
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import SpecError
from mpcgov.linkage.similar import exact
from mpcgov.linkage.tags import TAG_WORDS, spoke_keys
from mpcgov.mpc.codec import WireError
from mpcgov.records import fellegi_sunter
from tests.linkage.similar.compared import YEARS, Case, all_scores, dealt_filters, texts
from tests.linkage.similar.test_linkedrecords import FIRST, PAIRS, SECOND, tables
from tests.linked.test_references import reference
from tests.mpc.word.local import make_parties, run

REFERENCE = reference("record-linkage")
FIELDS = [{"type": "name", "columns": {"tax": "name", "wel": "name"}}]
EXACT = {"exact": ["tax.name"]}
KEYS = spoke_keys((bytes(32), bytes(range(32))), "job", "exact", ("tax", "wel"))


@settings(max_examples=8)
@given(st.integers(0, 2**32), st.booleans())
def test_whole_jobs_link_whom_the_reference_links_exact_pairs_first(seed, divided):
    random = np.random.Generator(np.random.PCG64(seed))
    syllables = np.array(["an", "na", "pe", "ter", "jo", ""])
    first, second = (["".join(random.choice(syllables, 3)) for _ in range(count)] for count in (40, 30))
    years = [random.choice([1989, *YEARS], count).tolist() for count in (40, 30)] if divided else None
    with dealt_filters() as made:
        found = tables(Case(first, second, EXACT | {"threshold": "0.6"}, blocks=years))
    whole = all_scores(made)
    sides = [[{"name": name} for name in names] for names in (first, second)]
    pairs = REFERENCE.exact_pairs([*zip(sides, ("tax", "wel"), strict=True)], EXACT | {"fields": FIELDS})
    keys = [[year if year in YEARS else None for year in own] for own in years or ([1990] * 40, [1990] * 30)]
    for pair in pairs:
        for own, record in zip(keys, pair, strict=True):
            own[record] = None
    places = [{record: place for place, record in enumerate(made[side].records.tolist())} for side in (True, False)]
    inside = [[i for i, key in enumerate(own) if key is not None] for own in keys]
    scores = whole[np.ix_(*([at[i] for i in own] for at, own in zip(places, inside, strict=True)))]
    blocks = [[own[i] for i in rows] for own, rows in zip(keys, inside, strict=True)]
    best = fellegi_sunter.best_in_blocks(scores, *blocks)
    linked = pairs + [(inside[0][i], inside[1][j]) for i, j in best if scores[i, j] >= 0]
    expected = sorted([f"tax{i}", f"wel{j}"] for i, j in linked)
    assert sorted(found["links"]) == (expected if len(expected) >= 3 else [])


@pytest.mark.by_day(1)
@pytest.mark.parametrize("names", [("tax", "wel", "stat"), ("a", "tax", "b", "wel", "c")])
@pytest.mark.parametrize("longer", [False, True])
def test_exact_pairs_count_like_all_others_but_are_not_doubtful(names, longer):
    more = [f"{'qxzvkw'[i % 6] * 4}{'jfgh'[i % 4] * 5}{'bcd'[i % 3]}" for i in range(150)] * longer
    params = {"output": "count", "report": ["tax.sex", "wel.sex"], "threshold": "0.7"}
    plain, cascade = (tables(Case(FIRST + more, SECOND, params | one, parties=names)) for one in ({}, EXACT))
    assert cascade["count"] == plain["count"] == [[len(PAIRS)]]
    assert cascade["match_rate"] == plain["match_rate"]
    same = [f"{a}{b}" for a in ("anna", "bert", "carl", "dora") for b in ("smith", "jones", "brown", "green")]
    strange = ["zzzz", "yyyy", "xxxx", "wwww", "vvvv", "uuuu"]
    found = tables(Case(same, [*same, *strange], params | EXACT | {"threshold": "1"}, parties=names))
    assert [row[1:] for row in found["match_rate"]] == [[None] * 3] * 2 + [[11, 8, 8 / 11]] * 2
    assert found["doubtful"][1][1] in (0, None), "no pair was compared"


def test_statistics_run_over_exact_pairs_too():
    params = {"output": "statistics", "identify": None, "by": ["wel.sex"], "measures": ["tax.income", "wel.income"]}
    assert tables(Case(FIRST, SECOND, params | EXACT)) == tables(Case(FIRST, SECOND, params))


def test_an_exact_pair_is_linked_whatever_block_it_is_in():
    years = [1989] * len(FIRST), [1990] * len(SECOND)
    found = tables(Case([*FIRST, "carla"], [*SECOND, "carla"], EXACT, blocks=([*years[0], 1990], [*years[1], 1991])))
    assert found["links"] == [["tax0", "wel2"], ["tax4", "wel5"], ["tax8", "wel7"]]


def records(first, second, said=0):
    """What each party gets of the exact pairs of lists of names, and all messages; `said`: how long lists must be."""
    parties = make_parties(3)
    own = {party: ([texts(own)], KEYS, max(said, len(own))) for party, own in ((0, first), (2, second))}
    most = {0: 500, 2: 500}

    async def one(party):
        return await exact.exact_pairs(party.channel(), (0, 2), 1, most, own.get(party.me))

    return run(parties, one), parties[0].network.messages


def test_owners_learn_their_own_exact_records_in_one_order_and_the_number_rounded():
    first = ["b", "a", "", "twice", "c", "", "x"]
    second = ["twice", "c", "", "y", "a", "a", "b"]
    (mine, helper, theirs), messages = records(first, second)
    pairs = [(first[i], second[j]) for i, j in zip(mine.records, theirs.records, strict=True) if i >= 0]
    assert sorted(pairs) == [("b", "b"), ("c", "c"), ("twice", "twice")]
    assert mine.rows == helper.rows == theirs.rows == 100
    assert (mine.records[3:] == -1).all()
    assert (theirs.records[3:] == -1).all()
    assert len(helper.records) == 0
    many = [f"n{i}" for i in range(250)]
    (mine, helper, _), other = records(many[:105], many)
    assert helper.rows == 110
    assert sorted(mine.records[:105]) == list(range(105))
    assert not any({0, 2} == set(label[:2]) and len(message) > 8 for label, message in {**messages, **other}.items())


def test_the_party_that_helps_gets_lists_of_one_length_with_nothing_in_common_but_exact_pairs():
    worlds = [(["x", "x", ""], []), ([f"n{i}" for i in range(90)], [f"n{i}" for i in range(100)])]
    lengths, common = [], []
    for first, second in worlds:
        _, messages = records(first, second)
        lengths.append({label: len(message) for label, message in messages.items()})
        lists = [np.frombuffer(m, np.uint64).reshape(-1, TAG_WORDS) for m in messages.values() if len(m) == 1600]
        tags = np.unique(np.concatenate(lists), axis=0)
        common.append(200 - len(tags))
        for one, other in (lists, lists[::-1]):  # nor do places tell which of them are records: once in 10^13 by chance
            assert np.flatnonzero(np.isin(one[:, 0], other[:, 0])).tolist() != list(range(90))
        assert abs(float(np.mean(np.bitwise_count(tags))) - 32) < 2
    assert lengths[0] == lengths[1]
    assert common == [0, 90]


def test_lists_are_as_long_as_the_data_set_whichever_rows_a_job_chose():
    """Else a filter that keeps a hundred rows, or one person more, says by all lengths whether that person exists."""
    worlds = [records([f"n{i}" for i in range(count)], ["n0", "x"], said=150)[1] for count in (100, 101)]
    assert len({repr(sorted((label, len(message)) for label, message in world.items())) for world in worlds}) == 1


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=20)), max_size=6))
def test_fields_are_joined_each_after_its_length(rows):
    whole = exact.joined([texts([row[f] for row in rows]) for f in (0, 1)])
    found = [whole.data[start:stop].tobytes() for start, stop in itertools.pairwise(whole.offsets)]
    assert found == [b"".join(struct.pack("<I", len(x.encode())) + x.encode() for x in row) for row in rows]


def test_lists_that_are_too_long_and_places_that_can_not_be_are_refused(monkeypatch):
    tagged = exact._Tagged([texts(["a", "b", ""])], KEYS, 100)
    at = np.flatnonzero(tagged._order < 2).astype(np.uint64)
    none = np.full(100, 100, np.uint64)
    assert (tagged.records(none, 1) == -1).all()
    pad = np.flatnonzero(tagged._order >= 2)[:1].astype(np.uint64)
    for wrong in ([*at[:1], *at[:1]], pad, [*none[:1], *at]):
        with pytest.raises(WireError):
            tagged.records(np.concatenate([np.array(wrong, np.uint64), none[len(wrong) :]]), 1)
    monkeypatch.setattr(exact, "MOST_EXACT", 99)
    with pytest.raises(SpecError, match=r"params\.exact: the shorter of the two lists has 100 records"):
        Case(FIRST, SECOND, EXACT).run()
