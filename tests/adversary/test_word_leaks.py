"""The attacks on MPyC's openings, on the word-size engine: with its zero sharings a curious party reads nothing.

Party 0 keeps its own shares and the points of degree 2t that it puts together. The polynomial of a product factors; the
own share of a factor then gives that factor's value at 0. For t = 1 a party does this with pencil and paper.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mpcgov.mpc.word import compare, determinant, field, masked, prss, rounding, sharing, sort
from mpcgov.mpc.word.field import P, Words
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.wire import Channel
from tests.mpc.word.local import Party, make_parties, opened, run, share

VALUES = [-6419754, 0, 1, -1, 2**60 - 1, 1 - 2**60, 12345678901, 42]


class Spy:
    """What party 0 has of each opening above the threshold: its points, in the order of the openings."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *modules: Any) -> None:
        self.points: list[dict[int, Words]] = []
        self.opened: list[tuple[int, Words]] = []
        self.drawn: list[Words] = []

        async def open_to_all(channel: Channel, row: Words, degree: int) -> Words:
            values = await sharing.open_to_all(channel, row, degree)
            if channel.line.me == 0:
                self.opened.append((degree, values))
            return values

        exchange = Channel.exchange_elements

        async def exchange_elements(channel: Channel, send: Any, take: Any) -> dict[int, Words]:
            taken = await exchange(channel, send, take)
            if channel.line.me == 0 and send and len(take) == 2:
                own = next(iter(send.values()))
                self.points.append({1: own.reshape(-1), **{q + 1: row for q, row in taken.items()}})
            return taken

        random = Prss.random

        def drawn(self_: Prss, channel: Channel, count: int) -> Words:
            numbers = random(self_, channel, count)
            if self_.me == 0:
                self.drawn.append(numbers)
            return numbers

        monkeypatch.setattr(Channel, "exchange_elements", exchange_elements)
        monkeypatch.setattr(Prss, "random", drawn)
        for module in modules:
            monkeypatch.setattr(module, "open_to_all", open_to_all)


def without_zero_sharings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the repair out."""
    monkeypatch.setattr(Prss, "zero", lambda _self, _channel, count: np.zeros(count, np.uint64))


def factor(points: dict[int, int], own_share: int) -> list[int]:
    """Candidates for a(0) from three points of a·b, both lines, and a(1); none if no line has such a root."""
    coefficients = [0, 0, 0]
    for x, y in points.items():
        one, two = (other for other in points if other != x)
        scale = y * pow((x - one) * (x - two), -1, P)
        for power, part in enumerate((one * two, -(one + two), 1)):
            coefficients[power] = (coefficients[power] + scale * part) % P
    c0, c1, c2 = coefficients
    if c0 == 0 or c2 == 0:
        return []
    root = pow((c1 * c1 - 4 * c2 * c0) % P, (P + 1) // 4, P)
    zeros = [(-c1 + sign * root) * pow(2 * c2, -1, P) % P for sign in (1, -1)]
    return [own_share * -zero * pow(1 - zero, -1, P) % P for zero in zeros if zero != 1]


def at(points: dict[int, Words], k: int) -> dict[int, int]:
    return {x: int(row[k]) for x, row in points.items()}


def compared(values: Sequence[int], m: int) -> list[Words]:
    rows = share(values, m, 1)
    return run(make_parties(m), lambda q: compare.negative(q.channel(), q.prss, rows[q.me]))


def solved_comparisons(monkeypatch: pytest.MonkeyPatch, m: int) -> list[int]:
    """Party 0 takes the masks' random bits apart, and so what was compared from the one opened value."""
    spy = Spy(monkeypatch, masked)
    assert opened(compared(VALUES, m), 1).tolist() == [int(x < 0) for x in VALUES]
    squares, (a,) = spy.points[0], spy.drawn
    assert {degree for degree, _ in spy.opened} == {1}
    (masked_values,) = [row for _, row in spy.opened]
    bits = []
    for k in range(a.size):
        candidates = factor(at(squares, k), int(a[k])) or [0]
        square = int(opened_square(at(squares, k)))
        root = pow(square, 2**59, P)
        bits.append((candidates[0] * pow(root, -1, P) + 1) * pow(2, -1, P) % P)
    masks = np.array(bits, dtype=object).reshape(61, len(VALUES))
    found = []
    for k, c in enumerate(masked_values):
        doubled = (int(c) - sum(int(bit) << i for i, bit in enumerate(masks[:, k]))) % P
        x = doubled * pow(2, -1, P) % P
        found.append(x if x <= P // 2 else x - P)
    return found


def opened_square(points: dict[int, int]) -> int:
    total = 0
    for x, y in points.items():
        one, two = (other for other in points if other != x)
        total += y * one * two * pow((one - x) * (two - x), -1, P)
    return total % P


@pytest.mark.parametrize("m", [4, 5])
def test_a_party_would_solve_for_what_is_compared_and_cannot(monkeypatch: pytest.MonkeyPatch, m: int) -> None:
    with monkeypatch.context() as broken:
        without_zero_sharings(broken)
        assert solved_comparisons(broken, m) == VALUES
    found = solved_comparisons(monkeypatch, m)
    assert not set(found) & set(VALUES)
    assert min(map(abs, found)) > 2**30


def factors_of_a_determinant(monkeypatch: pytest.MonkeyPatch, m: int) -> tuple[list[list[int]], list[int]]:
    """Candidates for the diagonal of R from the openings of v·w, and what it really is."""
    truth: dict[int, Words] = {}
    random = Prss.random

    def keep(self: Prss, channel: Channel, count: int) -> Words:
        numbers = random(self, channel, count)
        if count == 2 * 2 * 2:  # v and w, of two matrices of two rows
            truth[self.me] = numbers
        return numbers

    monkeypatch.setattr(Prss, "random", keep)
    spy = Spy(monkeypatch, determinant)
    rows = share([[2, 1], [1, 2]], m, 1)
    results = run(make_parties(m), lambda q: determinant.determinant(q.channel(), q.prss, rows[q.me]))
    assert opened(results, 1).tolist() == [3]
    products = next(points for points in spy.points if points[1].size == 4)
    own = truth[0].reshape(2, -1)[0]
    candidates = [factor(at(products, k), int(own[k])) for k in range(4)]
    return candidates, (opened([truth[q] for q in range(m)], 1)[:4] % P).tolist()


@pytest.mark.parametrize("m", [3, 4])
def test_a_party_would_read_the_diagonal_of_a_mask_and_cannot(monkeypatch: pytest.MonkeyPatch, m: int) -> None:
    with monkeypatch.context() as broken:
        without_zero_sharings(broken)
        candidates, truth = factors_of_a_determinant(broken, m)
        assert all(value in found for value, found in zip(truth, candidates, strict=True))
    candidates, truth = factors_of_a_determinant(monkeypatch, m)
    assert not set(truth) & set(itertools.chain.from_iterable(candidates))


# -- everything that is opened, by what it must look like


def determinant_of(q: Party, x: Words) -> Awaitable[Any]:
    return determinant.determinant(q.channel(), q.prss, x[:9].reshape(3, 3))


def remainder_of(q: Party, x: Words) -> Awaitable[Any]:
    return rounding.round_to(q.channel(), q.prss, x, -(2**40), 2**40, 1000)


OPENING: dict[str, Callable[[Party, Words], Awaitable[Any]]] = {
    "sign": lambda q, x: compare.negative(q.channel(), q.prss, x),
    "zero": lambda q, x: compare.zero(q.channel(), q.prss, x),
    "rounding": remainder_of,
    "determinant": determinant_of,
}


def uniform(values: np.ndarray) -> float:
    """How likely such a spread over 0 … p−1 is: over 32 equal parts (chi-square), or of a few by their order."""
    if values.size < 1000:
        return float(stats.kstest(values / P, "uniform").pvalue)
    counts = np.bincount((values // (P // 32 + 1)).astype(int), minlength=32)
    return float(stats.chisquare(counts).pvalue)


@pytest.mark.parametrize("value", [0, -1, 2**40 - 1])
@pytest.mark.parametrize("name", OPENING)
def test_whatever_is_opened_is_uniform_whatever_the_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    """Degree t: masks, over all elements. Degree 2t: squares, whose roots are as good as uniform; products, uniform."""
    spy = Spy(monkeypatch, masked, prss, determinant)
    rows = share([value] * 100, 4, 1)
    for _ in range(30 if name == "determinant" else 1):
        run(make_parties(4), lambda q: OPENING[name](q, rows[q.me]))
    low = np.concatenate([row.reshape(-1) for degree, row in spy.opened if degree == 1])
    high = np.concatenate([row.reshape(-1) for degree, row in spy.opened if degree == 2])
    assert uniform(low) > 1e-6
    if name != "determinant":
        squares = high[:20_000]
        assert all(pow(int(square), (P - 1) // 2, P) == 1 for square in squares[:200])
        inverse = prss.inverse_root(squares)
        root = field.product(squares, inverse)
        root = np.minimum(root, np.uint64(P) - root)
        assert stats.kstest(root / (P // 2), "uniform").pvalue > 1e-6
        return
    assert uniform(high) > 1e-6


def test_three_parties_open_nothing_but_the_bits_of_a_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch, masked, prss, compare, determinant)
    bits = []
    from_row = compare.lanes.from_row

    def keep(row: Words, count: int) -> Words:
        values = from_row(row, count)
        bits.append(values)
        return values

    rows = share(VALUES, 3, 1)
    for name in ("sign", "zero"):
        run(make_parties(3), lambda q, name=name: OPENING[name](q, rows[q.me]))
    narrow = share([5, -5, 5, 0], 3, 1)
    run(make_parties(3), lambda q: remainder_of(q, narrow[q.me]))
    monkeypatch.setattr(compare.lanes, "from_row", keep)
    run(make_parties(3), lambda q: sort.sort(q.channel(), q.prss, narrow[q.me], -5, 5))
    assert spy.opened == []
    assert bits
    assert set(np.concatenate(bits).tolist()) <= {0, 1}
