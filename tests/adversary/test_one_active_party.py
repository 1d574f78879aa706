"""One party that sends what it mustn't, where its receiver alone can tell: it is named, and nothing opens.

Every message here has the right length. The rest of what an active party can do isn't found out: docs/THREAT_MODEL.md
says so in its first paragraph. Each check that is taken out of the engine lets a case of `FORGED` through; without
`_distinct` in `permute.py`, the matcher reads all three persons of the last test but one.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mpcgov.errors import PeerError
from mpcgov.linkage import join, oblivious
from mpcgov.linkage.join import PrivateList, SpokePlan
from mpcgov.linkage.similar import exact, small
from mpcgov.linkage.tags import Texts, spoke_keys
from mpcgov.linkage.tops import top_two
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import permute, prss, sharing, sort, stream
from mpcgov.mpc.word.field import P
from mpcgov.mpc.word.permute import Roles, packed
from mpcgov.mpc.word.product import product
from mpcgov.results.result import _elements
from tests.linkage.linked_parties import Case, opened_places, places
from tests.mpc.word.local import LocalWire, Party, make_parties, share

Words = np.ndarray
Change = Callable[[Words], Words]
Program = Callable[[Party], Awaitable[Any]]


@dataclass
class ForgingWire(LocalWire):
    """Changes one message to one peer, the `number`-th; or all if that is negative."""

    to: int = 0
    number: int = 0
    change: Change = np.copy
    sent: int = 0

    def post(self, peer: int, label: int, payload: memoryview) -> None:
        if peer == self.to:
            if self.number in (self.sent, -1):
                payload = memoryview(self.change(np.frombuffer(payload, np.uint64).copy()).tobytes())
            self.sent += 1
        super().post(peer, label, payload)


def outcomes(program: Program, evil: int, to: int, number: int, change: Change, m: int = 3) -> dict[int, object]:
    """What becomes of the honest parties: an error, what they came to, or nothing where they still wait."""
    parties = make_parties(m)
    parties[evil].line.wire = ForgingWire(parties[evil].network, evil, to, number, change)

    async def together() -> dict[int, object]:
        tasks = {party.me: asyncio.ensure_future(program(party)) for party in parties}
        await at_rest()
        found = {
            me: "waits" if not task.done() else task.exception() or task.result()
            for me, task in tasks.items()
            if me != evil
        }
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        return found

    return asyncio.run(together())


async def at_rest() -> None:
    """Returns once nobody can go on: they only wait for each other's messages, all of which are in this loop."""
    loop, quiet = asyncio.get_running_loop(), 0
    while quiet < 3:
        await asyncio.sleep(0)
        quiet = 0 if loop._ready else quiet + 1


def put(place: int, value: int) -> Change:
    """One word replaced."""

    def change(words: Words) -> Words:
        words[place] = value
        return words

    return change


def halves(place: int, value: int) -> Change:
    """One half of a word replaced: numbers of rows travel two to a word."""

    def change(words: Words) -> Words:
        words.view("<u4")[place] = value
        return words

    return change


def texts(*keys: str) -> Texts:
    data = [key.encode() for key in keys]
    return Texts(np.frombuffer(b"".join(data), np.uint8), np.cumsum([0, *map(len, data)], dtype=np.int64))


# -- what honest parties run

ROLES = Roles(sender=0, programmer=1, receiver=2, rows=5, wanted=3, columns=2)


async def permuted(q: Party) -> Any:
    rows = np.arange(10, dtype=np.uint64).reshape(5, 2) if q.me == 0 else None
    return await permute.permute_known(q.channel(), q.prss, ROLES, rows, np.array([3, 0, 4]) if q.me == 1 else None)


async def lengths(q: Party) -> Any:
    return await join.exchange_lengths(q.channel(), {0: 1000, 1: 1000}, 5 if q.me < 2 else None)


def spoke_of(link: Any) -> Program:
    async def run(q: Party) -> Any:
        plan = SpokePlan(0, 1, 2, 100, 100, 0, 2, "job", "a b", ("a", "b"))
        own = PrivateList(texts("x", "y", "z"), 100, 0, bytes([q.me]) * 32) if q.me < 2 else None
        columns = np.array([[1, 1, 1], [7, 8, 9]], np.uint64) if q.me == 1 else None
        return await link(q.channel(), q.prss, plan, own, columns)

    return run


async def exact_pairs(q: Party) -> Any:
    keys = spoke_keys((bytes(32), bytes(32)), "job", "exact", ("a", "b"))
    own = ([texts("x", "y", "z")], keys, 3) if q.me < 2 else None
    return await exact.exact_pairs(q.channel(), (0, 1), 2, {0: 1000, 1: 1000}, own)


async def dealt(q: Party) -> Any:
    return await sharing.deal(q.channel(), 1, [0], np.arange(3, dtype=np.uint64) if q.me == 0 else None, 3)


async def small_dealt(q: Party) -> Any:
    return await small.deal(q.channel(), 17, 0, np.arange(3, dtype=np.uint32) if q.me == 0 else None, 3)


SHARES = share([5, 6, 7, 8, 2, 1, 0, 3, 4, 9], 3, 1)


async def multiplied(q: Party) -> Any:
    return await product(q.channel(), q.prss, SHARES[q.me], SHARES[q.me])


async def opened(q: Party) -> Any:
    return await sharing.open_to_all(q.channel(), SHARES[q.me], 1)


FORGED: dict[str, tuple[Program, int, int, int, Change, str]] = {
    "order: a row twice": (permuted, 1, 0, 0, lambda w: np.append(w[:4], packed(np.array([3, 3, 1, 0, 4]))), "twice"),
    "order: beyond the rows": (permuted, 1, 0, 0, halves(8, 5), "isn't there"),
    "order: more than fits": (permuted, 1, 0, 0, halves(13, 1), "isn't there"),
    "places: one for all": (permuted, 1, 2, 0, lambda w: packed(np.array([2, 2, 2])), "twice"),
    "places: beyond the rows": (permuted, 1, 2, 0, halves(1, 7), "isn't there"),
    "padded rows": (permuted, 0, 2, 0, put(1, P), "outside the field"),
    "length: too many": (lengths, 1, 0, 0, put(0, 1100), "length that it can't have"),
    "length: not a step": (lengths, 0, 2, 0, put(0, 101), "length that it can't have"),
    "length: none": (lengths, 1, 2, 0, put(0, 0), "length that it can't have"),
    "length: beyond words": (lengths, 1, 2, 0, put(0, 2**64 - 1), "length that it can't have"),
    "tags: one twice": (spoke_of(join.spoke), 1, 2, 1, lambda w: np.append(w[:2], w[:-2]), "same tag twice"),
    "tags: one twice, left": (spoke_of(join.spoke), 0, 2, 1, lambda w: np.append(w[:2], w[:-2]), "same tag twice"),
    "start again: neither": (spoke_of(join.spoke), 1, 0, 1, put(0, 2), "neither yes nor no"),
    "start again: neither, to the matcher": (spoke_of(join.spoke), 0, 2, 0, put(0, 2), "neither yes nor no"),
    "matcher: one row for all": (spoke_of(join.spoke), 2, 0, 0, lambda w: w * 0, "twice"),
    "matcher: one row to the sender": (spoke_of(join.spoke), 2, 1, 0, lambda w: w * 0, "twice"),
    "oblivious places": (spoke_of(oblivious.spoke), 0, 2, 0, halves(0, 2**31), "isn't there"),
    "oblivious table": (spoke_of(oblivious.spoke), 1, 2, 0, put(3, 2**61 - 1), "outside the field"),
    "exact pairs: too many": (exact_pairs, 2, 0, 0, put(0, 110), "number of exact pairs"),
    "exact pairs: not a step": (exact_pairs, 2, 1, 0, put(0, 3), "number of exact pairs"),
    "exact pairs: a place twice": (exact_pairs, 2, 0, 1, lambda w: np.append(w[:1], w[:-1]), "places of exact pairs"),
    "exact pairs: of padding": (exact_pairs, 2, 1, 1, lambda w: np.arange(100, dtype=np.uint64), "places of exact"),
    "exact pairs: beyond the list": (exact_pairs, 2, 1, 1, put(1, 2**63), "places of exact pairs"),
    "share": (dealt, 0, 2, 0, put(1, P), "outside the field"),
    "share of all bits": (dealt, 0, 2, 0, put(2, 2**64 - 1), "outside the field"),
    "small share": (small_dealt, 0, 2, 0, halves(1, 2**17 - 1), "outside the field"),
    "small share: more than fits": (small_dealt, 0, 2, 0, halves(3, 1), "outside the field"),
    "product": (multiplied, 0, 1, 0, put(0, P + 5), "outside the field"),
    "opening": (opened, 0, 1, 0, put(0, P), "outside the field"),
}


@pytest.mark.parametrize("name", FORGED)
def test_who_gets_it_names_who_sent_it_and_nobody_goes_on(name: str) -> None:
    program, evil, to, number, change, what = FORGED[name]
    found = outcomes(program, evil, to, number, change)
    error = found[to]
    assert isinstance(error, WireError), error
    assert error.peer == evil
    assert what in str(error)
    if program is permuted:  # what has more rounds goes no further at anybody
        assert all(other == "waits" or isinstance(other, WireError) for other in found.values())


@pytest.mark.parametrize("name", {case[0].__name__: case for case in FORGED.values()})
def test_honest_parties_get_through(name: str) -> None:
    program = next(case[0] for case in FORGED.values() if case[0].__name__ == name)
    ends = outcomes(program, 0, 1, 99, put(0, 0)).values()
    assert not any(isinstance(end, Exception | str) for end in ends)


def test_an_owner_that_starts_again_for_ever_is_named() -> None:
    async def run(q: Party) -> Any:
        if q.me != 1:
            return await spoke_of(join.spoke)(q)
        channel = q.channel()
        while True:
            await channel.exchange({0: stream.key_words(bytes(64))}, {0: 8})
            await channel.exchange({2: np.array([1], np.uint64), 0: np.array([1], np.uint64)}, {0: 1})

    found = outcomes(run, 1, 2, 99, np.copy)
    for party in (0, 2):
        assert isinstance(error := found[party], WireError)
        assert (error.peer, str(error)) == (1, "two of its keys with one tag, again and again")


def test_all_columns_come_by_one_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """A matcher that maps counts by one and values by another would open what one person has: it can't say so."""
    monkeypatch.setattr(join, "BLOCK", 1)
    sent: list[int] = []

    async def run(q: Party) -> Any:
        await spoke_of(join.spoke)(q)
        if q.me == 2:
            sent.extend(len(message) for (a, b, _), message in q.network.messages.items() if (a, b) == (2, 1))

    assert not any(isinstance(end, Exception) for end in outcomes(run, 0, 1, 99, np.copy).values())
    order = 32 + 8 * ((200 + 1) // 2)
    assert sent.count(order) == 1
    assert sum(sent) == order + 2 * 32 or sum(sent) == order + 2 * 800  # and its dealings: keys, or shares


# -- what all parties open on the way: who lied can't be told, but that somebody did


async def sorted_rows(q: Party) -> Any:
    return await sort.sort(q.channel(), q.prss, SHARES[q.me][:6], 0, 20)


async def greatest(q: Party) -> Any:
    ones = share([1] * 10, 3, 1)[q.me]
    return await top_two(q.channel(), q.prss, ones, SHARES[q.me], ones, 10, 20)


async def bits(q: Party) -> Any:
    return await prss.random_bits(q.channel(), q.prss, 40)


def test_outcomes_of_comparisons_that_no_order_has_end_a_sort() -> None:
    """Six rows are compared pair by pair. Of made-up outcomes, all but one in 50 would have rows taken twice: what is
    sorted, and so a cell's greatest, would be those of a few."""
    sent: list[int] = []
    outcomes(sorted_rows, 0, 2, -1, lambda words: sent.append(len(words)) or words)
    ends = []
    for number, size in [*enumerate(sent)] * 3:
        if size == 1:  # 15 bits, of which those who aren't compared tell nothing
            found = outcomes(sorted_rows, 0, 2, number, lambda words: words ^ np.uint64(0b101_0110_0110_1010))
            ends += [end for end in found.values() if isinstance(end, Exception)]
    assert [str(end) for end in ends if not isinstance(end, PeerError)] == []
    assert any("an order that can't be" in str(end) for end in ends)


def test_marks_that_nobody_put_in_end_the_search_for_the_greatest() -> None:
    """What is opened in it says which rows are a cell's: a mark that came twice would take one cell's for another's."""
    rows = 10 + 11  # those of the cells, and their marks

    def change(words: Words) -> Words:
        return (words + np.uint64(1)) % np.uint64(P) if len(words) == rows else words

    found = outcomes(greatest, 0, 1, -1, change)
    assert isinstance(found[1], PeerError)
    # The order of what was changed may, by chance, be impossible before its marks are looked at.
    assert re.search("other marks than those put in|comparisons of an order that can't be", str(found[1]))


def test_a_number_that_is_no_square_ends_the_making_of_bits() -> None:
    found = outcomes(bits, 0, 1, 0, lambda words: (words + np.uint64(12345)) % np.uint64(P), 4)
    assert any(isinstance(end, PeerError) and "square" in str(end) for end in found.values())


def test_a_receiver_names_whose_share_holds_no_field_element() -> None:
    data = base64.b64encode(np.array([1, P], "<u8").tobytes()).decode()
    made: Any = SimpleNamespace(party="tax", shares=data, layout=SimpleNamespace(width_bytes=8, cells=2))
    with pytest.raises(PeerError, match=r"^tax: a share of the result holds a number that is no field element"):
        _elements(made, P)


# -- a matcher that wants one person's value


INCOMES = [30_017, 41_234, 52_345, 23_456, 64_567, 75_678, 36_789, 47_890, 58_901, 69_012, 31_123, 42_235]


def one_for_all(target: int) -> Any:
    """`permute._programmed`, but every row of the left owner is mapped to one: that of its `target`-th match."""
    honest = permute._programmed

    async def forged(channel: Any, roles: Roles, source: Any, drawn: Any, early: bool) -> Any:
        send, place = channel.ahead, np.flatnonzero(source < roles.rows - roles.wanted)[target]

        async def ahead(messages: Any, take: Any) -> Any:
            wanted = permute.unpacked(messages[roles.receiver], roles.wanted, roles.rows, 0)
            return await send({roles.receiver: packed(np.full_like(wanted, wanted[place]))}, take)

        channel.ahead = ahead
        made = await honest(channel, roles, source, drawn, early)
        channel.ahead = send
        same = np.full_like(made.places, made.places[place])
        return permute.Arrangement(roles, made.key, places=same, source=made.source, early=early)

    return forged


def test_a_matcher_reads_nobodys_value(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {
        "edu": {"level": {"kind": "category", "values": ["ba"]}},
        "tax": {"income": {"kind": "integer", "min": 0, "max": 10**6}},
    }
    people = [f"38001{i:06}" for i in range(len(INCOMES))]
    rows = {
        "edu": [{"key": key, "level": "ba"} for key in people],
        "tax": [{"key": key, "income": str(income)} for key, income in zip(people, INCOMES, strict=True)],
    }
    made = Case(
        "linked-statistics", declared, rows, {"by": ["edu.level"], "measures": ["tax.income"]}, size_noise="off"
    )
    recovered, named = 0, []
    for target in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(permute, "_programmed", one_for_all(target))

            async def run(linked: Any) -> Any:
                return await places(await linked.cell_sums())

            try:
                found = opened_places(made.run(run)[0], 1)
            except WireError as error:
                named.append(error.peer)
                continue
        count = int(found["statistics.count"][0][0])
        total = int(found["statistics.tax.income.x"][0][0])
        recovered += count > 0 and total % count == 0 and total // count in INCOMES
    assert recovered == 0
    assert named == [2, 2, 2]  # the matcher
