"""Small primes, everything enumerated: keyed dealing, one pass of a shuffle, refreshed shares, masked matrices.

Written from the protocols' text alone. Randomness is a table with a column for each drawn number and a row for each
outcome; a view is a table too, and two views are the same if they have the same rows equally often.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations, product
from math import prod

import numpy as np
import pytest

Table = np.ndarray
Poly = Sequence[Table | int]


def outcomes(p: int, count: int) -> Table:
    """All outcomes of `count` uniform elements, one per row."""
    return np.stack(np.unravel_index(np.arange(p**count), (p,) * count), axis=1) if count else np.zeros((1, 0), int)


def at(p: int, points: Sequence[int], values: Sequence[Table | int], x: int) -> Table:
    """The polynomial through the points, elsewhere."""
    total: Table = np.zeros(1, int)
    for i, a in enumerate(points):
        weight = prod(x - b for b in points if b != a) * pow(prod(a - b for b in points if b != a), -1, p)
        total = (total + weight * np.asarray(values[i])) % p
    return total


def value_at(p: int, poly: Poly, x: int) -> Table:
    total: Table = np.zeros(1, int)
    for power, coefficient in enumerate(poly):
        total = (total + np.asarray(coefficient) * x**power) % p
    return total


def counted(p: int, columns: Sequence[Table]) -> Table:
    """How often each view occurs: columns side by side are its entries."""
    length = max(np.size(column) for column in columns)
    code = np.zeros(length, np.int64)
    for column in columns:
        code = code * p + np.broadcast_to(column, length)
    return np.bincount(code, minlength=p ** len(columns))


def all_same(tables: Sequence[Table]) -> bool:
    return all((table == tables[0]).all() for table in tables[1:])


@pytest.mark.parametrize(("m", "t", "p"), [(3, 1, 5), (4, 1, 5), (5, 2, 7), (5, 1, 7)])
def test_dealing_t_shares_by_key_hides_the_value_from_every_t_parties(m: int, t: int, p: int) -> None:
    """The t parties after the dealer draw their shares from keys of their own; others get the polynomial's values."""
    for dealer in range(m):
        keyed = [(dealer + 1 + k) % m for k in range(t)]
        drawn = outcomes(p, t).T
        for coalition in combinations([q for q in range(m) if q != dealer], t):
            views = []
            for value in range(p):
                points, known = (0, *(q + 1 for q in keyed)), (value, *drawn)
                views.append(counted(p, [at(p, points, known, q + 1) for q in coalition]))
            assert all_same(views)
            assert (views[0] == 1).all()  # t shares take every value once: uniform


def pass_of_shuffle(
    p: int, values: tuple[int, int], order: tuple[int, ...], pair: tuple[int, int]
) -> list[list[Table]]:
    """Three parties, two rows: a pair applies an order to its parts and deals them. What each party has at the end."""
    drawn = outcomes(p, 6).T  # two slopes of the rows, two of each dealer's
    starts = [[value_at(p, (value, drawn[row]), q + 1) for row, value in enumerate(values)] for q in range(3)]
    seen: list[list[Table]] = [[*start] for start in starts]
    for k, dealer in enumerate(pair):
        other = pair[1 - k]
        weight = (other + 1) * pow(other - dealer, -1, p)
        for row in range(2):
            part = starts[dealer][order[row]] * weight % p
            for q in range(3):
                share = drawn[2 + 2 * k + row] if q == dealer else value_at(p, (part, drawn[2 + 2 * k + row]), q + 1)
                seen[q].append(share)
    return seen


@pytest.mark.parametrize("pair", [(0, 1), (1, 2), (0, 2)])
def test_a_pass_of_a_shuffle_shows_a_member_no_row_and_the_third_party_no_order_either(pair: tuple[int, int]) -> None:
    p = 5
    secrets = [(0, 0), (1, 3), (3, 1), (4, 4)]
    views: list[list[Table]] = [[], [], []]
    by_order: list[dict[tuple[int, ...], list[Table]]] = [{}, {}, {}]
    for order in permutations(range(2)):
        for values in secrets:
            for q, columns in enumerate(pass_of_shuffle(p, values, order, pair)):
                table = counted(p, columns)
                views[q].append(table)
                by_order[q].setdefault(order, []).append(table)
    for q in range(3):
        assert all(all_same(tables) for tables in by_order[q].values())
        if q not in pair:
            assert all_same(views[q])


@pytest.mark.parametrize(("m", "t", "p"), [(3, 1, 5), (4, 1, 5), (5, 2, 7)])
def test_a_receiver_of_refreshed_shares_sees_the_same_for_all_polynomials_with_its_points(
    m: int, t: int, p: int
) -> None:
    """Whatever polynomial f the shares were on: the receiver, alone or with parties, sees what f(0) and these know."""
    absent = list(combinations(range(m), t - 1))
    for size in range(t + 1):
        for coalition in combinations(range(m), size):
            lacking = [out for out in absent if set(coalition) <= set(out)]
            drawn = outcomes(p, len(lacking)).T
            views: dict[tuple[int, ...], list[Table]] = {}
            for coefficients in product(range(p), repeat=t):
                f = (3, *coefficients)
                received = []
                for q in range(m):
                    share = value_at(p, f, q + 1)
                    for column, out in zip(drawn, lacking, strict=True):
                        share = (share + column * (q + 1) * prod(q - other for other in out)) % p
                    received.append(share)
                own = tuple(int(value_at(p, f, q + 1)[0]) for q in coalition)
                views.setdefault(own, []).append(counted(p, received))
            assert all(all_same(tables) for tables in views.values())
            assert {len(tables) for tables in views.values()} == {p ** (t - size)}


# -- least squares: what is opened to solve a system


def opened_of_system(p: int, a: tuple[int, int, int, int]) -> Table:
    """How often each (v₁w₁, v₂w₂, R·A) is opened: R = L·D·U, D of v₁ and v₂/v₁, no v or w zero."""
    drawn = outcomes(p, 6).T
    drawn = drawn[:, (drawn[:4] != 0).all(axis=0)]
    v1, v2, w1, w2, low, up = drawn
    ratio = v2 * np.array([0, *(pow(x, -1, p) for x in range(1, p))])[v1] % p
    first = [(v1 * (a[j] + up * a[2 + j])) % p for j in range(2)]
    second = [(low * first[j] + ratio * a[2 + j]) % p for j in range(2)]
    determinant = (first[0] * second[1] - first[1] * second[0]) % p
    assert (determinant == v2 * (a[0] * a[3] - a[1] * a[2]) % p).all()  # det R = v₂
    return counted(p, [v1 * w1 % p, v2 * w2 % p, *first, *second])


def invertible(p: int) -> list[tuple[int, int, int, int]]:
    entries = product(range(p), repeat=4)
    return [(a, b, c, d) for a, b, c, d in entries if (a * d - b * c) % p]


@pytest.mark.parametrize("p", [5, 7])
def test_what_a_system_opens_is_within_the_declared_distance_for_every_two_matrices(p: int) -> None:
    """All openings together: (d − 1)/p beside the zeros, which aren't in the table, for any two invertible matrices."""
    matrices = invertible(p)[:: len(invertible(p)) // 12]
    tables = [opened_of_system(p, a) for a in matrices]
    total = tables[0].sum()
    distances = [np.abs(table - tables[0]).sum() / 2 / total for table in tables[1:]]
    assert max(distances) <= 1 / p
    assert not all_same(tables)  # nor is it nothing: hence a distance is declared


def test_a_singular_matrix_would_show_its_kernel_and_a_shifted_one_is_almost_never_singular() -> None:
    p = 7
    shown = [set(np.flatnonzero(opened_of_system(p, a))) for a in ((1, 2, 2, 4), (1, 3, 3, 2))]
    assert not shown[0] & shown[1]  # two singular matrices have no opening in common
    for a in product(range(p), repeat=4):
        singular = [((a[0] + x) * (a[3] + x) - a[1] * a[2]) % p == 0 for x in range(p)]
        bad = sum(any(singular[(start + i) % p] for i in range(2)) for start in range(p))
        assert bad <= 2**2  # d² of p starts


@pytest.mark.parametrize(("bits", "extra"), [(1, 3), (2, 4)])
def test_a_mask_longer_than_its_value_is_within_its_share_of_telling_nothing(bits: int, extra: int) -> None:
    """c = v + 2^bits + r over the integers, r the number of the one subset that a coalition lacks."""
    bound = 1 << (bits + 1 + extra)
    values = range(-(1 << bits), 1 << bits)
    tables = [np.bincount(np.arange(bound) + v + (1 << bits), minlength=bound + (2 << bits)) for v in values]
    distance = max(np.abs(a - b).sum() / 2 / bound for a, b in combinations(tables, 2))
    assert distance < 2.0**-extra
    for places in range(bits + 2 + extra):  # ⌊v/2^s⌋ and a carry of 0 or 1, for every s from the one c
        for v in values:
            for r in range(bound):
                c = v + (1 << bits) + r
                carry = (c >> places) - ((1 << bits) >> places) - (r >> places) - (v >> places)
                assert carry in (0, 1) or places > bits


@pytest.mark.parametrize(("q", "subsets"), [(1021, 3), (1021, 4), (8191, 10)])
def test_how_often_a_masked_word_wrapped_follows_from_first_bits_of_what_is_known(q: int, subsets: int) -> None:
    """v in 0 … q/4 behind the sum of all subsets' uniform numbers: k by comparing with the middles, for all v."""
    rng = np.random.default_rng(subsets)
    ends = np.array([[0] * subsets, [q - 1] * subsets, [q - 1] + [0] * (subsets - 1), [q // 2] * subsets])
    masks = np.concatenate([ends, rng.integers(0, q, (500, subsets))])
    places = 2 + (subsets - 1).bit_length()
    for v in range(q // 4 + 1):
        wraps, c = np.divmod(v + masks.sum(axis=1), q)
        first_bits = (masks >> places).sum(axis=1) - (c >> places)
        middles = [(2 * k - 1) * q >> (places + 1) for k in range(1, subsets + 1)]
        found = sum((first_bits >= middle).astype(int) for middle in middles)
        assert (found == wraps).all()
        assert (c - masks.sum(axis=1) + q * wraps == v).all()
        assert np.abs(first_bits[:, None] - np.array(middles)).max() < q / 2
    unknown = np.arange(q)
    assert (np.bincount((v + masks[0, 1:].sum() + unknown) % q, minlength=q) == 1).all()  # c is uniform
