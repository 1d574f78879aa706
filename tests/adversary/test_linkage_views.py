"""What each party of a linked job receives: the same lengths whatever the data, and nothing that goes with the data.

Two worlds with equal padded sizes: nobody matches; or there are twice as many, and everybody does. Owners must not be
able to tell them apart; a matcher may, by the noised number of equal tags alone.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mpcgov import registry
from mpcgov.linkage import join
from mpcgov.linkage.linkedrows import LinkedRows
from mpcgov.linkage.tags import tag_list
from mpcgov.linked import shards
from mpcgov.linked.shards import shard_length
from mpcgov.linked.sizes import least_pool, table_third
from mpcgov.mpc.word.field import P
from mpcgov.mpc.word.stream import Stream
from mpcgov.worker.clear import clear_linked
from tests.adversary.laws import UNLIKELY, Label, alike, apart, check_views, spread, uniform
from tests.linkage.linked_parties import Case, places

RUNS = 100
"""Of each world, so 200 together."""

PEOPLE = 30
ORDERS = np.random.default_rng(1)
DECLARED: dict[str, dict[str, dict[str, Any]]] = {
    "tax": {"income": {"kind": "integer", "min": 0, "max": 10**6}},
    "edu": {"level": {"kind": "category", "values": ["ba", "ma"]}, "age": {"kind": "integer", "min": 0, "max": 120}},
    "wel": {"benefit": {"kind": "integer", "min": 0, "max": 100}},
}
PARAMS: dict[str, dict[str, Any]] = {
    "linked-statistics": {"by": ["edu.level"], "measures": ["tax.income"], "correlations": [["tax.income", "edu.age"]]},
    "linked-count": {"by": ["edu.level"]},
    "overlap": {},
}


def world(protocol: str, owners: int, everybody: bool, **more: Any) -> Case:
    rows = {}
    for place, name in enumerate(list(DECLARED)[:owners]):
        first = 0 if everybody else place * PEOPLE
        keys = [f"38001{i:06}" for i in range(first, first + PEOPLE * (1 + everybody))]
        values = {"tax": {"income": "1000000"}, "edu": {"level": "ba", "age": "99"}, "wel": {"benefit": "100"}}[name]
        rows[name] = [{"key": key} | values for key in keys]
    return Case(protocol, {name: DECLARED[name] for name in rows}, rows, PARAMS[protocol], **more)


def views(made: Case, runs: int) -> dict[Label, list[bytes]]:
    """What was sent from whom to whom, message by message, in each run of a job, disclosure control included."""
    result: dict[Label, list[bytes]] = defaultdict(list)
    linked, protocol = made.linked(), ModuleType("program")
    exec((registry.find(made.protocol).folder / "program.py").read_text(encoding="utf-8"), protocol.__dict__)

    async def program(rows: LinkedRows) -> Any:
        cleared = clear_linked(linked, await protocol.run(rows, made.params))
        return await places({name: table.cells for name, table in cleared.items()})

    for _ in range(runs):
        _, parties = made.run(program)
        for label, message in parties[0].network.messages.items():
            result[label].append(message)
    assert all(len(messages) == runs for messages in result.values())
    return {label: [in_any_order(message) for message in messages] for label, messages in result.items()}


def in_any_order(message: bytes) -> bytes:
    """A list of tags that came in ascending order, in another: its own follows from what is in it, so tells no more.

    The places of tags that two such lists have in common do go together; laws of places are for lists in secret orders.
    """
    if len(message) % 16 or len(message) < 1000:
        return message
    tags = np.frombuffer(message, np.uint64).reshape(-1, 2)
    ascends = bool((tags[1:, 0] > tags[:-1, 0]).all())
    return ORDERS.permutation(tags).tobytes() if ascends else message


FULL = [
    ("overlap", 2, "inner", "matcher"),
    ("overlap", 3, "inner", "matcher"),
    ("linked-count", 2, "inner", "matcher"),
    ("linked-count", 3, "left", "matcher"),
    ("overlap", 2, "inner", "oblivious"),
    ("linked-count", 3, "left", "oblivious"),
]
STATISTICS = [
    ("linked-statistics", 2, "left", "matcher"),
    ("linked-statistics", 3, "inner", "matcher"),
    ("linked-statistics", 2, "inner", "oblivious"),
]
"""Jobs of many messages: but for the first of all in few runs always, or not, and in as many as that one at night."""


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    ("protocol", "owners", "join", "method", "runs"),
    [
        (*FULL[0], RUNS),
        *((*job, RUNS // 4) for job in FULL[1:]),
        *((*job, RUNS // 5) for job in STATISTICS[::2]),
        *(pytest.param(*job, RUNS, marks=pytest.mark.slow) for job in (*FULL[1:], *STATISTICS)),
    ],
)
def test_what_parties_receive_does_not_go_with_the_data(
    protocol: str, owners: int, join: str, method: str, runs: int
) -> None:
    nobody = views(world(protocol, owners, everybody=False, join=join, method=method), runs)
    everybody = views(world(protocol, owners, everybody=True, join=join, method=method), runs)
    check_views(nobody, everybody, together=10 * runs)


@pytest.mark.by_day(2)
@pytest.mark.parametrize(("protocol", "owners", "join", "method"), [FULL[0], FULL[3], FULL[5]])
def test_what_parties_receive_of_shards_does_not_go_with_the_data(
    protocol: str, owners: int, join: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor how many keys are in which: in both worlds every shard's lists have one length."""
    monkeypatch.setattr(shards, "SHARD_KEYS", 50)
    worlds = [world(protocol, owners, everybody=both, join=join, method=method) for both in (False, True)]
    nobody, everybody = (views(made, RUNS // 5) for made in worlds)
    check_views(nobody, everybody, together=2 * RUNS)
    if owners == 2:
        size = 16 * (shard_length(100, 2) + least_pool(1.0, 1e-6))
        lists = [label for label, messages in everybody.items() if len(messages[0]) == size]
        assert len(lists) == 4  # two owners' in each of two shards


@pytest.mark.parametrize("width", [1, 4, 200])
def test_a_view_that_goes_with_the_data_would_be_noticed(width: int) -> None:
    """In messages of one word as in long ones: the least bit, a short range, or a mask that two messages have."""
    rng = np.random.Generator(np.random.PCG64(width))
    masked, other = rng.integers(0, P, (2, RUNS, width), dtype=np.uint64)
    values, bits = (rng.integers(0, most, (RUNS, width), dtype=np.uint64) for most in (100, 2))
    assert alike(masked, other) > UNLIKELY
    assert uniform(masked) > UNLIKELY
    assert apart([masked, other]) > UNLIKELY

    shorter = masked.copy()
    shorter[:, 0] = shorter[:, 0] // 4
    even = masked // 2 * 2
    assert alike(masked, shorter) < UNLIKELY
    assert alike(masked, even) < UNLIKELY
    assert uniform(even) < UNLIKELY
    assert uniform(masked >> np.uint64(56)) < UNLIKELY
    for known in (values, bits, values * 0, values * 0 + 10**6, bits * 10**6):
        assert apart([masked, (masked + known) % P]) < UNLIKELY
        assert apart([masked, masked ^ known]) < UNLIKELY
    assert apart([np.concatenate([masked, masked + values], axis=1)[:, [0, width]]]) < UNLIKELY
    sound = list(rng.integers(0, P, (40, RUNS, width), dtype=np.uint64))
    assert apart(sound) > UNLIKELY
    assert apart([*sound, (sound[7] + bits) % P]) < UNLIKELY


@pytest.mark.by_day(2)
@pytest.mark.parametrize("method", ["matcher", "oblivious"])
@pytest.mark.parametrize("protocol", ["overlap", "linked-statistics"])
def test_no_identifier_nor_a_hash_of_one_is_on_the_wire(protocol: str, method: str) -> None:
    made = world(protocol, 2, everybody=True, method=method)
    everything = b"\0".join(message for messages in views(made, 3).values() for message in messages)
    for row in made.rows["tax"]:
        key = row["key"].encode()
        assert key not in everything
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s"):
            digest = hashlib.new(name, key).digest()
            assert digest[:8] not in everything
            assert digest.hex()[:16].encode() not in everything


def test_runs_have_keys_and_orders_of_their_own() -> None:
    """Tags of the same keys in two runs have nothing in common."""
    made = world("overlap", 2, everybody=True)
    found = views(made, 2)
    for (sender, receiver, _), (first, second) in found.items():
        if receiver == 2 and sender in (0, 1) and len(first) > 1000:
            tags = [{message[i : i + 16] for i in range(0, len(message), 16)} for message in (first, second)]
            assert not tags[0] & tags[1]


def test_columns_that_are_moved_apart_have_one_order_and_pads_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two columns are the same here. What is moved of them has no number in common."""
    monkeypatch.setattr(join, "BLOCK", 1)
    rows = 100 + least_pool(1.0, 1e-6)
    found = views(world("linked-count", 2, everybody=False), 1)
    places = [m[0] for (a, b, _), m in found.items() if (a, b) == (2, 0) and len(m[0]) == 4 * (rows + rows % 2)]
    orders = [m[0] for (a, b, _), m in found.items() if (a, b) == (2, 1) and len(m[0]) == 32 + 8 * rows]
    assert len(places) == len(orders) == 1
    moved = [m[0] for (a, b, _), m in found.items() if (a, b) == (1, 0) and len(m[0]) == 8 * 2 * rows]
    assert len(moved) >= 3  # a column for what is real, and one for each level
    words = np.concatenate([np.frombuffer(message, np.uint64) for message in moved])
    assert len(np.unique(words)) == len(words)


def test_runs_have_places_and_pads_of_their_own() -> None:
    """The helper can't tell the same rows again: two rows have all places in common by chance once in 10^6."""
    found = views(world("overlap", 2, everybody=True, method="oblivious"), 2)
    (rows,) = [m for (a, b, _), m in found.items() if (a, b) == (0, 2) and len(m[0]) == 1200]
    triples = [{message[i : i + 12] for i in range(0, 1200, 12)} for message in rows]
    assert len(triples[0] & triples[1]) < 3
    (table,) = [m for (a, b, _), m in found.items() if (a, b) == (1, 2) and len(m[0]) == 24 * table_third(100)]
    numbers = [np.frombuffer(message, np.uint64) for message in table]
    assert not set(numbers[0].tolist()) & set(numbers[1].tolist())
    assert spread(numbers[0] - numbers[1]) < stats.chi2.isf(UNLIKELY, 255)


def test_a_helper_sees_the_same_whether_places_are_of_keys_or_of_none() -> None:
    """A left list without keys, or full of them: three places in each row, all as likely."""
    laws = []
    for count in (0, 100):
        made = world("overlap", 2, everybody=False, method="oblivious")
        made.rows["tax"] = [{"key": f"p{i}", "income": "1"} for i in range(count)]
        found = views(made, 40)
        (messages,) = [m for (a, b, _), m in found.items() if (a, b) == (0, 2) and len(m[0]) == 1200]
        rows = np.array([np.frombuffer(message, "<u4").reshape(100, 3) for message in messages])
        assert all(len({row.tobytes() for row in run}) > 90 for run in rows)
        assert len({run.tobytes() for run in rows}) == 40
        laws.append(np.bincount(rows.reshape(-1), minlength=table_third(100)))
        assert stats.chisquare(laws[-1]).pvalue > UNLIKELY
    assert stats.chi2_contingency(laws).pvalue > UNLIKELY


def test_where_tags_match_says_nothing_about_their_rows() -> None:
    """The places of equal tags in both lists are as uniform as those of dummies, whatever order the keys came in."""
    made = world("overlap", 2, everybody=True)
    found = views(made, 150)
    lists = {label[0]: messages for label, messages in found.items() if label[1] == 2 and len(messages[0]) > 3000}
    assert sorted(lists) == [0, 1]
    places_ = []
    for messages in zip(lists[0], lists[1], strict=True):
        tags = [[message[i : i + 16] for i in range(0, len(message), 16)] for message in messages]
        places_.append([i for i, tag in enumerate(tags[0]) if tag in set(tags[1])])
    rows = len(lists[0][0]) // 16
    assert min(map(len, places_)) >= 2 * PEOPLE
    counts = np.bincount(np.concatenate(places_) * 9 // rows, minlength=9)
    assert (
        stats.chisquare(counts, np.diff([-(-k * rows // 9) for k in range(10)]) / rows * counts.sum()).pvalue > UNLIKELY
    )


def test_the_matchers_count_keeps_its_epsilon() -> None:
    """25,000 pairs of lists: one person more changes no event's probability by more than promised."""
    dummies, draws = least_pool(1.0, 1e-6), 25_000
    private = [Stream(bytes([owner]) * 32) for owner in range(2)]

    def coins() -> np.ndarray:
        left, other = (tag_list(0, 100, dummies, stream).coins for stream in private)
        return left & other

    both = np.array([coins() for _ in range(draws)])
    law = np.bincount(both.sum(axis=1), minlength=dummies + 2) / draws
    assert excess(law, draws) <= 1e-6
    exact = stats.binom(dummies, 0.25)
    middle = slice(int(exact.ppf(0.01)), int(exact.ppf(0.99)))
    expected = exact.pmf(np.arange(len(law)))[middle] * draws
    assert stats.chisquare(law[middle] * draws * expected.sum() / (law[middle].sum() * draws), expected).pvalue > 1e-4
    assert excess(np.bincount(both[:, :20].sum(axis=1), minlength=22) / draws, draws) > 1e-3


def excess(law: np.ndarray, draws: int) -> float:
    """By how much the chance of any one count may go beyond e times that of its neighbour, errors of draws left out."""
    error = 4 * np.sqrt(np.maximum(law, 1 / draws) / draws)
    return max(
        float((there - np.e * back - error_there - np.e * error_back).max())
        for there, back, error_there, error_back in (
            (law[1:], law[:-1], error[1:], error[:-1]),
            (law[:-1], law[1:], error[:-1], error[1:]),
        )
    )
