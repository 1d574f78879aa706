"""Linear systems on secret Gram matrices, against exact fractions; and what the openings show."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import Any

import numpy as np
import pytest

from mpcgov.errors import SpecError
from mpcgov.mpc import Moments, Session, cramer, crossing, fit
from mpcgov.mpc.crossing import WIDEN_BITS, Crossing
from mpcgov.mpc.runtime import coroutine
from mpcgov.mpc.solve import Coefficients, least_squares
from mpcgov.mpc.word import determinant
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import P
from mpcgov.precision import Needs, fit_needs, system_needs
from tests import nightly
from tests.mpc.parties import Outcome, opened, put, run, share_list

PLACES = 2
RADIX_BITS = 50

Matrix = list[list[int]]
System = tuple[Matrix, list[int], list[int]]
"""XᵀX, Xᵀy, and bounds of the sums of squares."""


def exact(a: Matrix, b: Sequence[int]) -> list[Fraction] | None:
    """The solution by Gauss's elimination, or None if there isn't exactly one."""
    rows = [[Fraction(entry) for entry in (*row, right)] for row, right in zip(a, b, strict=True)]
    for column in range(len(rows)):
        pivot = next((i for i in range(column, len(rows)) if rows[i][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [entry / rows[column][column] for entry in rows[column]]
        for i in range(len(rows)):
            if i != column and rows[i][column]:
                rows[i] = [x - rows[i][column] * y for x, y in zip(rows[i], rows[column], strict=True)]
    return [row[-1] for row in rows]


def gram(x: Sequence[Sequence[int]], y: Sequence[int]) -> System:
    """XᵀX, Xᵀy and the sums of squares of each column and of y, in Python's integers."""
    columns = [list(column) for column in zip(*x, strict=True)]
    a = [[sum(p * q for p, q in zip(u, v, strict=True)) for v in columns] for u in columns]
    b = [sum(p * q for p, q in zip(u, y, strict=True)) for u in columns]
    return a, b, [max(1, n) for n in (*(a[j][j] for j in range(len(a))), sum(q * q for q in y))]


def needs_of(systems: Sequence[System], subsets: int) -> Needs:
    """What a session must offer for all of these."""
    each = [system_needs(squares, subsets, PLACES) for _, _, squares in systems]
    return Needs(max(n.solver_bits for n in each), sum(n.masked_openings for n in each))


def moments(session: Session, index: int, system: System, last: int) -> Moments:
    """A system's moments in places of 50 bits, the first of which the first party deals, the second the second one.
    `last`: the sum of the outcome's squares."""
    a, b, squares = system
    d = len(b)
    whole = np.array([[*row, right] for row, right in zip(a, b, strict=True)] + [[*b, last]], dtype=object)
    places = []
    for place in range(PLACES):
        digits = (whole >> (RADIX_BITS * place)) & ((1 << RADIX_BITS) - 1 if place < PLACES - 1 else -1)
        flat = digits.reshape(-1) if index == place else None
        places.append(session.input(flat, place, (d + 1) ** 2, -(1 << 57), 1 << 57).reshape((d + 1, d + 1)))
    return Moments(places, squares, RADIX_BITS)


def start(session: Session, index: int, system: System) -> Coefficients:
    """Solve a system."""
    return least_squares(moments(session, index, system, system[2][-1]))


def outcomes_of(systems: Sequence[System], m: int, t: int) -> list[Outcome]:
    """All parties' shares of significands, exponents and `singular` of each system, in one job."""
    wanted = needs_of(systems, comb(m, t))

    async def job(session: Session, index: int) -> list[list[int]]:
        solutions = [start(session, index, system) for system in systems]
        return [
            [
                *await share_list(session, solution.estimates.significands),
                *await share_list(session, solution.estimates.exponents),
                *await share_list(session, solution.singular),
            ]
            for solution in solutions
        ]

    return run(job, m, threshold=t, deadline_s=240, solver_bits=wanted.solver_bits, masked=wanted.masked_openings)


def solved(systems: Sequence[System], m: int = 3, t: int = 1) -> list[list[int]]:
    """What comes out for each system."""
    outcomes = outcomes_of(systems, m, t)
    return [opened(outcomes, t, part) for part in range(len(systems))]


def check(system: System, result: list[int], subsets: int = 3) -> None:
    """Coefficients within 2^-24 + C(m,t)·2^-29 + 2^-29, in the one form that each number has."""
    a, b, _ = system
    d = len(b)
    expected = exact(a, b)
    significands, exponents, singular = result[:d], result[d : 2 * d], result[2 * d]
    if expected is None:
        assert result == [0] * (2 * d) + [1]
        return
    assert singular == 0
    for s, e, beta in zip(significands, exponents, expected, strict=True):
        if beta == 0:
            assert (s, e) == (0, 0)
            continue
        assert 2**23 <= abs(s) <= 2**24
        value = Fraction(s) * Fraction(2) ** e
        assert abs(value / beta - 1) <= Fraction(32 + subsets + 1, 2**29), (float(value), float(beta))


def table(rng: np.random.Generator, n: int, d: int, size: int) -> list[list[int]]:
    """n rows of d random integers −size … size."""
    return [[int(v) for v in row] for row in rng.integers(-size, size + 1, (n, d))]


@coroutine
async def widened(over: Crossing, x: Any) -> Any:
    """Our wide shares of an array of words."""
    await over.runtime.returnType(asyncio.Future)
    return await over.widen(await x.words())


def integers(rng: np.random.Generator, n: int, size: int) -> list[int]:
    """Random integers −size … size."""
    return [int(v) for v in rng.integers(-size, size + 1, n)]


def test_coefficients_are_the_exact_ones_to_24_bits() -> None:
    """One unknown and more; negative, zero, huge and tiny coefficients; singular matrices among them, as null."""
    rng = np.random.default_rng(1)
    systems = [
        gram([[3]], [6]),
        gram([[3]], [-5]),
        gram([[3]], [0]),
        gram([[0]], [4]),
        gram([[1 << 40]], [1]),
        gram([[1]], [-(1 << 40) + 1]),
        gram([[1, 0], [0, 1], [0, 0]], [1, -1, 5]),
        gram([[1, 2], [2, 4], [3, 6]], [1, 2, 4]),
        gram([[0, 1, 1], [0, 1, 2], [0, 1, 3]], [1, 2, 4]),
        gram(table(rng, 20, 4, 1000), integers(rng, 20, 9)),
        gram(table(rng, 5, 7, 1000), integers(rng, 5, 9)),
    ]
    for system, result in zip(systems, solved(systems), strict=True):
        check(system, result)


def test_eleven_unknowns_on_very_different_scales_and_almost_collinear() -> None:
    """Condition numbers of 10^12 and more, where floating point has no digit left, cost no accuracy."""
    rng = np.random.default_rng(2)
    scaled = [[1, *(v << (4 * j) for j, v in enumerate(row))] for row in table(rng, 60, 10, 50)]
    near = [[1, *row, 1000 * row[0] + row[1] + int(k == 0)] for k, row in enumerate(table(rng, 60, 9, 100_000))]
    systems = [gram(scaled, integers(rng, 60, 1 << 20)), gram(near, integers(rng, 60, 1000))]
    assert np.linalg.cond(np.array(systems[1][0], dtype=float)) > 1e12
    for system, result in zip(systems, solved(systems), strict=True):
        check(system, result)


@pytest.mark.parametrize(("m", "t"), nightly.first(1, [(5, 2), (4, 1), (7, 3)]))
def test_any_number_of_parties(m: int, t: int) -> None:
    rng = np.random.default_rng(m)
    systems = [gram(table(rng, 9, 2, 5), integers(rng, 9, 9)), gram([[0]], [1])]
    for system, result in zip(systems, solved(systems, m, t), strict=True):
        check(system, result, comb(m, t))


@pytest.mark.parametrize(("m", "t"), nightly.first(1, [(5, 2), (7, 3)]))
def test_nothing_is_nothing_however_many_carries_masks_have(m: int, t: int) -> None:
    """Of seven parties, three of which may work together, masks carry up to 35 units; of five and two, 10."""
    systems = [gram([[k], [1]], [0, 0]) for k in range(1, nightly.count(4, 9))]
    for result in solved(systems, m, t):
        assert list(result[:2]) == [0, 0]


def test_quotients_next_to_powers_of_two_have_one_form() -> None:
    """Whatever numerator and denominator, and whatever the carries of the masks: 1 is 2^23 · 2^-23."""
    systems = [gram([[k]], [k]) for k in (1, 3, 255, 4097, (1 << 30) - 1)]
    systems += [gram([[(1 << 26) - 1]], [s * (1 << 26)]) for s in (1, -1)]
    for system, result in zip(systems, solved(systems), strict=True):
        check(system, result)
        assert abs(result[0]) == 1 << 23
        assert result[1] == -23


def test_messages_are_the_same_for_every_matrix_singular_or_not() -> None:
    systems = [gram([[1, 0], [0, 1]], [1, 1]), gram([[1, 1], [1, 1]], [1, 1]), gram([[0, 0], [0, 0]], [0, 0])]
    sizes = set()
    for a, b, _ in systems:
        outcomes = outcomes_of([(a, b, [9, 9, 9])], 3, 1)
        sizes.add(tuple((outcome.rounds, outcome.bytes_sent) for outcome in outcomes))
    assert len(sizes) == 1


@pytest.mark.parametrize("runs", nightly.first(1, [16, 40]))
def test_no_masked_matrix_is_singular_and_each_is_fresh_and_uniform(runs: int) -> None:
    """What R·A shows of a singular matrix is its kernel. The low bits of all that is opened so are uniform."""
    seen: list[int] = []
    original = cramer._eliminate

    def spy(matrix: Any, right: Any, modulus: int) -> Any:
        determinant, solution = original(matrix, right, modulus)
        seen.extend([determinant, *(int(entry) for entry in matrix.reshape(-1))])
        return determinant, solution

    in_words: list[int] = []
    public_determinant = determinant._public_determinant

    def spy_on_words(matrix: Any) -> int:
        in_words.append(public_determinant(matrix))
        return in_words[-1]

    a, b, squares = gram([[1, 2], [2, 4], [3, 6]], [1, 2, 4])
    wanted = needs_of([(a, b, squares)] * runs, 3)

    async def job(session: Session, index: int) -> list[list[int]]:
        put(cramer, "_eliminate", spy)
        put(determinant, "_public_determinant", spy_on_words)
        for _ in range(runs):
            await session.share_of(start(session, index, (a, b, squares)).singular)
        return [seen, in_words]

    outcomes = run(job, solver_bits=wanted.solver_bits, masked=wanted.masked_openings)
    values, in_words = outcomes[0].value
    assert outcomes[0].value == outcomes[1].value  # opened to all
    assert len(in_words) == len(set(in_words)) == runs * 2
    assert all(in_words)
    assert len(values) == runs * 5
    assert all(values[::5])
    assert len(set(values)) == len(values)
    counts = np.bincount([value % 16 for value in values], minlength=16)
    expected = len(values) / 16
    assert ((counts - expected) ** 2 / expected).sum() < 50  # 15 degrees of freedom: 10^-5


@pytest.mark.by_day(1)
@pytest.mark.parametrize("p", [3, 5])
def test_masked_matrices_are_uniform_but_for_the_declared_distance(p: int) -> None:
    """All L·D·U modulo a toy prime, times each invertible A: every matrix at most once, and all but few are there."""
    field = range(p)
    masks = [
        (v, v * u % p, low * v % p, (low * v * u + w) % p)
        for low, u, v, w in itertools.product(field, field, range(1, p), range(1, p))
    ]
    invertible = {r for r in itertools.product(field, repeat=4) if (r[0] * r[3] - r[1] * r[2]) % p}
    distances = set()
    for a in invertible:
        seen = Counter(
            (
                (r[0] * a[0] + r[1] * a[2]) % p,
                (r[0] * a[1] + r[1] * a[3]) % p,
                (r[2] * a[0] + r[3] * a[2]) % p,
                (r[2] * a[1] + r[3] * a[3]) % p,
            )
            for r in masks
        )
        assert set(seen) <= invertible
        terms = (abs(Fraction(seen[r], len(masks)) - Fraction(1, len(invertible))) for r in invertible)
        distances.add(sum(terms) / 2)
    assert distances == {Fraction(1, p + 1)}  # below (d − 1)/p


def test_one_opened_value_is_a_value_behind_masks_that_each_party_misses_a_part_of() -> None:
    """Every number that is opened so is at least the K of the job longer than what it covers."""
    a, b, squares = gram([[1, 2], [2, 5], [3, 6]], [1, 2, 4])
    wanted = needs_of([(a, b, squares)], 3)
    lengths: list[list[int]] = []
    original = Crossing._masking

    async def spy(self: Crossing, v: Any, bits: int, of_product: bool) -> Any:
        masked = await original(self, v, bits, of_product)
        lengths.append([bits, max(int(n).bit_length() for row in masked.numbers.values() for n in row)])
        lengths[-1].append(max(int(n).bit_length() for n in masked.opened))
        return masked

    async def job(session: Session, index: int) -> list[Any]:
        put(Crossing, "_masking", spy)
        await session.share_of(start(session, index, (a, b, squares)).estimates.significands)
        return [session.config.subset_bits, lengths, int(session._runtime.field.modulus).bit_length()]

    for outcome in run(job, solver_bits=wanted.solver_bits, masked=wanted.masked_openings):
        subset_bits, seen, modulus_bits = outcome.value
        assert subset_bits >= 40
        assert len(seen) == 4
        for bits, mask_bits, opened_bits in seen:
            assert bits + 1 + subset_bits - 12 <= mask_bits <= bits + 1 + subset_bits
            assert mask_bits - 12 <= opened_bits < modulus_bits


def test_too_narrow_a_session_and_wrong_shapes_are_refused_before_anything_is_sent() -> None:
    async def job(session: Session, index: int) -> list[str]:
        nine = session.input(np.arange(9) if index == 0 else None, 0, 9, 0, 9).reshape((3, 3))
        messages = []
        sent = session.cost.bytes_sent
        for place, squares in [
            (nine, [9, 9, 9]),
            (nine[:2], [9, 9, 9]),
            (nine, [9, 9]),
            (nine, [9, 0, 9]),
            (nine * (1 << 55), [9, 9, 9]),
        ]:
            with pytest.raises(SpecError) as refused:
                least_squares(Moments([place], squares))
            messages.append(str(refused.value))
        assert session.cost.bytes_sent == sent
        return messages

    for bits, wide in ((64, "more than 59 bits"), (59, "quotients of 8 bits")):
        for outcome in run(job, value_bits=bits):
            assert outcome.message == ""
            assert wide in outcome.value[0]
            if bits == 59:
                assert ["moments" in message for message in outcome.value] == [False, True, True, False, True]


def test_needs_grow_with_bounds_and_a_job_with_too_many_openings_is_refused() -> None:
    small, large = system_needs([1 << 20] * 3, 3), system_needs([1 << 60] * 12, 3)
    assert small.solver_bits < large.solver_bits <= 800
    assert large.masked_openings < 1024

    async def job(session: Session, index: int) -> str:
        with pytest.raises(SpecError) as refused:
            start(session, index, gram([[1]], [1]))
        return str(refused.value)

    for outcome in run(job, solver_bits=1000, masked=1 << 30):
        assert "too many" in outcome.value


def test_a_determinant_that_the_word_prime_divides_counts_as_singular() -> None:
    """Once in 2^61, and then null: never a wrong number."""
    system = ([[P]], [P], [P, P])
    assert solved([system, ([[P - 1]], [P - 1], [P, P])]) == [[0, 0, 1], [1 << 23, -23, 0]]


def test_what_is_built_after_a_system_may_be_built_at_any_time() -> None:
    """Operations are numbered as the program builds them, however far a party has come with the ones before."""
    system = gram([[1, 2], [2, 5], [3, 6]], [1, 2, 4])
    wanted = needs_of([system], 3)

    async def job(session: Session, index: int) -> list[list[int]]:
        x = session.input([149, 151] if index == 0 else None, 0, 2, 0, 200)
        result = start(session, index, system)
        if index == 2:
            await asyncio.sleep(0.5)
        rounded = x.round_to(100)
        return [
            await share_list(session, y)
            for y in (rounded, result.estimates.significands, result.estimates.exponents, result.singular)
        ]

    outcomes = run(job, solver_bits=wanted.solver_bits, masked=wanted.masked_openings + 2)
    assert opened(outcomes, part=0) == [100, 200]
    check(system, [number for part in (1, 2, 3) for number in opened(outcomes, part=part)])


def fitted(x: Sequence[Sequence[int]], y: Sequence[int], m: int = 3, t: int = 1) -> list[int]:
    """What comes out of a regression of y on x's columns, the first of which is all ones."""
    system = gram(x, y)
    d = len(x[0])
    squares = [max(n, len(x)) for n in system[2]]
    wanted = fit_needs(squares, comb(m, t), PLACES)

    async def job(session: Session, index: int) -> list[int]:
        spare = session.input([max(1, len(x) - d)] if index == 0 else None, 0, 1, 1, 1000)
        found = fit(moments(session, index, (system[0], system[1], squares), sum(v * v for v in y)), spare)
        shares = []
        for reals in (found.estimates, found.variances, found.r2):
            shares += [*await share_list(session, reals.significands), *await share_list(session, reals.exponents)]
        return shares + await share_list(session, found.undefined)

    outcomes = run(job, m, threshold=t, deadline_s=240, solver_bits=wanted.solver_bits, masked=wanted.masked_openings)
    return opened(outcomes, t)


def check_fit(x: Sequence[Sequence[int]], y: Sequence[int], result: list[int], subsets: int = 3) -> None:
    """Against exact fractions."""
    d, n = len(x[0]), len(x)
    a, b, _ = gram(x, y)
    beta = exact(a, b)
    total = n * sum(v * v for v in y) - sum(y) ** 2
    residual = sum(v * v for v in y) - sum(p * q for p, q in zip(beta or b, b, strict=True))
    if beta is None or residual == 0:
        assert result == [0] * (4 * d + 2) + [1]
        return
    columns = [exact(a, [int(i == j) for i in range(d)]) for j in range(d)]
    variances = [residual / max(1, n - d) * (column or [])[j] for j, column in enumerate(columns)]
    expected = [*beta, *variances, 1 - n * residual / total]
    assert result[-1] == 0
    pairs: list[tuple[int, int]] = []
    for at, size in ((0, d), (2 * d, d), (4 * d, 1)):
        pairs += zip(result[at : at + size], result[at + size : at + 2 * size], strict=True)
    for (s, e), number in zip(pairs, expected, strict=True):
        assert (s, e) == (0, 0) if number == 0 else 2**23 <= abs(s) <= 2**24
        if number:
            assert abs(Fraction(s) * Fraction(2) ** e / number - 1) <= Fraction(256 + 4 * subsets, 2**30)


@pytest.mark.by_day(2)
@pytest.mark.parametrize("seed", range(3))
def test_a_fit_is_the_exact_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = (1, 3, 6)[seed]
    x = [[1, *row] for row in table(rng, 40, d, (3, 1000, 10**6)[seed])]
    noise = integers(rng, 40, 50)
    y = [sum(j * v for j, v in enumerate(row)) + e for row, e in zip(x, noise, strict=True)]
    check_fit(x, y, fitted(x, y))


@pytest.mark.by_day(3)
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([[1, 2], [1, 3], [1, 4], [1, 7]], [7, 9, 11, 17]),  # without an error
        ([[1, 2], [1, 3], [1, 4], [1, 7]], [5, 5, 5, 5]),  # a constant outcome
        ([[1, 2], [1, 3], [1, 4], [1, 7]], [0, 0, 0, 0]),
        ([[1, 2], [1, 2], [1, 2], [1, 2]], [1, 2, 3, 4]),  # columns that depend on each other
        ([[1, 1], [1, -1], [1, 1], [1, -1]], [1, 1, -1, -1]),  # nothing explained, slopes of 0
    ],
)
def test_fits_at_the_edges(x: list[list[int]], y: list[int]) -> None:
    check_fit(x, y, fitted(x, y))


def leverages(batches: Sequence[Matrix], y: Sequence[int], m: int, t: int) -> list[int]:
    """What comes out for each batch of rows of a regression with four coefficients; and whether it is undefined."""
    x = [row for batch in batches for row in batch]
    a, b, squares = gram(x, y)
    squares = [max(n, len(x)) for n in squares]
    wanted, upper = fit_needs(squares, comb(m, t), PLACES, len(batches)), np.triu_indices(5)
    rows = iter(y)
    whole_rows = [[[*row, next(rows)] for row in batch] for batch in batches]
    grams = [gram(some, [0] * len(some))[0] if some else [[0] * 5] * 5 for some in whole_rows]
    parts = np.array([np.array(one, dtype=object)[upper] for one in grams])

    async def job(session: Session, index: int) -> list[int]:
        spare = session.input([len(x) - 4] if index == 0 else None, 0, 1, 1, 1000)
        whole = moments(session, index, (a, b, squares), sum(v * v for v in y))
        low = session.input(parts.reshape(-1) if index == 0 else None, 0, parts.size, -(1 << 57), 1 << 57)
        high = session.input([0] * parts.size if index == 0 else None, 0, parts.size, 0, 1)
        given = [one.reshape(parts.shape) for one in (low, high)]
        found = fit(Moments(whole.places, squares, RADIX_BITS, given), spare)
        assert found.shares is not None
        reals = [
            *await share_list(session, found.shares.significands),
            *await share_list(session, found.shares.exponents),
        ]
        return [*reals, *await share_list(session, found.undefined)]

    masked = wanted.masked_openings
    return opened(run(job, m, threshold=t, deadline_s=240, solver_bits=wanted.solver_bits, masked=masked), t)


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("m", "t"), [(3, 1), (4, 1)])
def test_a_batch_has_the_leverage_of_its_rows_and_an_empty_one_none(m: int, t: int) -> None:
    """Columns that are nearly collinear and of different sizes, and one row apart from all others, and one outcome."""
    rng = np.random.default_rng(m)
    x = [[1, *row, row[0] + int(rng.integers(0, 2))] for row in table(rng, 30, 2, 1000)]
    x[7][2] = 90_000
    y, batches = integers(rng, 30, 99), [x[:7], x[7:8], [], x[8:29], x[29:]]
    y[29] = 70_000
    result = leverages(batches, y, m, t)
    whole = [[*row, value] for row, value in zip(x, y, strict=True)]
    a = gram(whole, y)[0]
    inverse = [exact(a, [int(i == j) for i in range(5)]) or [] for j in range(5)]
    assert result[-1] == 0
    whole_batches = [whole[:7], whole[7:8], [], whole[8:29], whole[29:]]
    for batch, s, e in zip(whole_batches, result[:5], result[5:10], strict=True):
        leverage = sum(p * q * inverse[i][j] for row in batch for i, p in enumerate(row) for j, q in enumerate(row))
        assert abs(Fraction(s) * Fraction(2) ** e - leverage) <= leverage / 2**23
        assert (s == 0) == (batch == [])
    assert all(Fraction(result[k]) * Fraction(2) ** result[5 + k] > Fraction(99, 100) for k in (1, 4))


def test_batches_of_a_singular_system_tell_nothing() -> None:
    x = [[1, 5, 0, 5]] * 30
    assert leverages([x[:20], x[20:]], list(range(30)), 3, 1) == [0] * 4 + [1]


@pytest.mark.parametrize(("m", "t"), nightly.first(1, [(5, 2), (4, 1)]))
def test_fits_of_more_parties(m: int, t: int) -> None:
    rng = np.random.default_rng(m)
    x, y = [[1, *row] for row in table(rng, 20, 2, 9)], integers(rng, 20, 99)
    check_fit(x, y, fitted(x, y, m, t), comb(m, t))


@pytest.mark.parametrize(("m", "t"), nightly.first(2, [(3, 1), (4, 1), (5, 2), (7, 3)]))
def test_words_come_to_the_wide_field_as_the_integers_that_they_are(m: int, t: int) -> None:
    """At the ends of the range, at 0 and at random, whatever the masks add up to."""
    rng = np.random.default_rng(m)
    limit = 1 << WIDEN_BITS
    values = [0, 1, -1, limit, -limit, limit - 1, 1 - limit, *(int(v) for v in rng.integers(-limit, limit, 30))]

    async def job(session: Session, index: int) -> list[list[int]]:
        x = session.input(values if index == 0 else None, 0, len(values), -limit, limit)
        engine = x._engine
        assert isinstance(engine, WordEngine)
        wide = await widened(Crossing(engine.solver, engine.apart(), engine.solver.next_operation()), x._backing)
        return [[int(share) for share in wide], [int(engine.solver.field.modulus)]]

    outcomes = run(job, m, threshold=t, solver_bits=200, masked=len(values) * comb(m, t))
    for outcome in outcomes:
        outcome.modulus = outcome.value[1][0]
    assert opened(outcomes, t, 0) == values


def test_what_is_opened_of_words_on_their_way_to_the_wide_field_is_uniform() -> None:
    """One value, many times: what is opened must be spread over the whole field, and what anybody knows of the masks
    mustn't give it back."""
    seen: list[int] = []
    original = crossing.open_to_all

    async def spy(*arguments: Any) -> Any:
        values = await original(*arguments)
        seen.extend(int(value) for value in values)
        return values

    async def job(session: Session, index: int) -> list[int]:
        put(crossing, "open_to_all", spy)
        x = session.input([12345] * 2000 if index == 0 else None, 0, 2000, 0, 1 << 20)
        engine = x._engine
        assert isinstance(engine, WordEngine)
        await widened(Crossing(engine.solver, engine.apart(), engine.solver.next_operation()), x._backing)
        return seen[:2000]

    (values, *_) = [outcome.value for outcome in run(job, solver_bits=100, masked=6000)]
    for part in (np.array([value >> 57 for value in values]), np.array([value % 16 for value in values])):
        counts = np.bincount(part, minlength=16)
        assert ((counts - 125) ** 2 / 125).sum() < 50  # 15 degrees of freedom: 10^-5
