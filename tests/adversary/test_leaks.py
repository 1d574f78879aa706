"""One curious party reads secrets out of MPyC's openings; with the zero sharings it reads nothing.

Party 0 follows the protocol and only looks at what it gets. MPyC opens products of two sharings of degree t as they
are: the three points of degree 2 give the polynomial, whose factors are the two sharings, and the own share of one
gives its value at 0 (up to two candidates). Each attack is run with our repair taken out, where it must work, and with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from mpcgov.mpc import Session, runtime, session
from mpcgov.mpc.runtime import JobRuntime
from tests.mpc.parties import put, run

Rows = dict[int, list[int]]


def without_zero_sharings(_index: int) -> None:
    """Take the repair out, and the self-test that would notice."""

    async def nothing(_job: JobRuntime) -> None:
        return None

    put(JobRuntime, "zero_shares", lambda _job, _field, count: np.zeros(count, dtype=object))
    put(session, "check_openings", nothing)


def with_repair(_index: int) -> None:
    """As it is."""


class Spy:
    """What a party gets to see of openings: the points that it puts together, by their number."""

    def __init__(self) -> None:
        self.openings: list[Rows] = []
        inner = runtime.recombine

        def recombine(points: Sequence[int], rows: Sequence[Any], modulus: int) -> Any:
            self.openings.append({x: [int(v) for v in row] for x, row in zip(points, rows, strict=True)})
            return inner(points, rows, modulus)

        put(runtime, "recombine", recombine)

    def last(self, points: int) -> Rows:
        return [opening for opening in self.openings if len(opening) == points][-1]


def factor(b: tuple[int, int, int], own_share: int, p: int) -> list[int]:
    """Candidates for a(0) from a·r at points 1, 2, 3 and the own share a(1), for lines a and r modulo p."""
    half = pow(2, -1, p)
    c2 = (b[2] - 2 * b[1] + b[0]) * half % p
    c1 = (b[1] - b[0] - 3 * c2) % p
    c0 = (b[0] - c1 - c2) % p
    if c0 == 0 or c2 == 0:
        return []
    root = pow((c1 * c1 - 4 * c2 * c0) % p, (p + 1) // 4, p)
    candidates = []
    for sign in (1, -1):
        zero = (-c1 + sign * root) * pow(2 * c2, -1, p) % p
        candidates.append(own_share * -zero * pow(1 - zero, -1, p) % p)
    return candidates


def signed(value: int, p: int) -> int:
    return value if value <= p // 2 else value - p


def difference(session: Session, index: int) -> Any:
    """A secret scalar that only parties 1 and 2 know parts of: −6419754."""
    x = session.input([1234567] if index == 1 else None, 1, 1, 0, 10**7)
    y = session.input([7654321] if index == 2 else None, 2, 1, 0, 10**7)
    return (x - y)._backing[0]


async def equality(session: Session, index: int) -> list[int]:
    job = session._runtime
    a = difference(session, index)
    own_share = int((await job.gather(a)).value)
    spy = Spy()
    await session._guard(job.is_zero_public(a))
    return points_to_candidates(session, spy, own_share)


async def reciprocal(session: Session, index: int) -> list[int]:
    job = session._runtime
    a = difference(session, index)
    own_share = int((await job.gather(a)).value)
    spy = Spy()
    await session._guard(job.gather(job.reciprocal(a)))
    return points_to_candidates(session, spy, own_share)


async def array_reciprocal(session: Session, index: int) -> list[int]:
    job = session._runtime
    a = difference(session, index)
    own_share = int((await job.gather(a)).value)
    array = job.array_type(job.field.array([own_share]))
    spy = Spy()
    await session._guard(job.gather(job.np_reciprocal(array)))
    return points_to_candidates(session, spy, own_share)


def points_to_candidates(session: Session, spy: Spy, own_share: int) -> list[int]:
    opened = spy.last(3)
    b = opened[1][0], opened[2][0], opened[3][0]
    return [signed(candidate, session.modulus) for candidate in factor(b, own_share, session.modulus)]


@pytest.mark.parametrize("protocol", [equality, reciprocal, array_reciprocal])
def test_a_party_factors_what_mpyc_opens_but_not_what_we_open(protocol: Callable[[Session, int], Any]) -> None:
    leaked = run(protocol, before=without_zero_sharings)[0]
    assert -6419754 in leaked.value
    safe = run(protocol, before=with_repair)[0]
    assert safe.error is None
    assert -6419754 not in safe.value
    assert all(abs(candidate) > 2**40 for candidate in safe.value)


# -- comparison: the opened product leaks the masking bits, by meeting in the middle

DIFFERENCES = [
    -900,
    -513,
    -256,
    -77,
    -3,
    -1,
    0,
    1,
    2,
    40,
    129,
    300,
    512,
    700,
    850,
    999,
    -31,
    -400,
    65,
    5,
    -5,
    17,
    -17,
    8,
]
BITS = 11


async def comparison(session: Session, index: int) -> list[list[int]]:
    """Party 0 looks at x < y of parties 1 and 2, and solves for x − y."""
    job = session._runtime
    x = session.input([d + 500 for d in DIFFERENCES] if index == 1 else None, 1, len(DIFFERENCES), -500, 1500)
    y = session.input([500] * len(DIFFERENCES) if index == 2 else None, 2, len(DIFFERENCES), 500, 500)
    a = (x - y)._backing
    await session._guard(job.gather(a))
    spy = Spy()
    products = []
    inner = job.np_is_zero_public

    def is_zero_public(e: Any) -> Any:
        products.append(e)
        return inner(e)

    job.np_is_zero_public = is_zero_public
    await session._guard(job.gather(job.np_sgn(a, l=BITS, LT=True)))
    own = [int(v) for v in (await job.gather(products[0])).value]
    masked, product, p = spy.last(2), spy.last(3), session.modulus
    solutions = []
    for place, share in enumerate(own):
        c = line_at_zero({point: row[place] for point, row in masked.items()}, p)
        b = product[1][place], product[2][place], product[3][place]
        solutions.append(solve(factor(b, share, p), c % 2**BITS, p))
    return solutions


def line_at_zero(points: dict[int, int], p: int) -> int:
    (x, a), (y, b) = points.items()
    return (a * y - b * x) * pow(y - x, -1, p) % p


def solve(products: list[int], c: int, p: int) -> list[int]:
    """Secrets that fit the product e = Π (s − c_i + r_i + 3·Σ of differing bits above) and the opened c."""
    c_bits = [(c >> i) & 1 for i in range(BITS - 1, -1, -1)]
    found = []
    for sign in (1, -1):
        states = [(1, 0, 0)]
        for bit in c_bits:
            states = [
                (product * (sign - bit + (bit ^ differs) + 3 * above) % p, above + differs, 2 * mask + differs)
                for product, above, mask in states
                for differs in (0, 1)
            ]
        for product, above, mask in states:
            if product * (sign - 1 + 3 * above) % p in products:
                a = (c - (c ^ mask)) % 2**BITS
                found.append(a - 2**BITS if a >> (BITS - 1) else a)
    return found


def test_a_party_solves_for_what_mpyc_compares_but_not_for_what_we_compare() -> None:
    leaked = run(comparison, before=without_zero_sharings)[0]
    hits = sum(truth in found for truth, found in zip(DIFFERENCES, leaked.value, strict=True))
    assert max(map(len, leaked.value)) < 100  # of 2,048 differences: a few share a product
    assert hits >= 3  # about half of the products aren't zero, and each of those gives its secret
    safe = run(comparison, before=with_repair)[0]
    assert safe.error is None
    assert safe.value == [[] for _ in DIFFERENCES]
