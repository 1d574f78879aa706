"""What coalitions see of a protocol that is linear in its randomness: exactly, of the code itself, modulo 2^61 − 1.

Streams are replaced: every element that one gives is a variable of its own. Arrays run over the variables, so that
each number that a party has or receives is the row of its coefficients. A view then is a matrix, and it depends on the
secrets only through what may be known if every other change of the secrets lies in the span of the randomness's
columns.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from mpcgov.mpc.word.stream import KEY_WORDS, Stream
from tests.mpc.word.local import Party, make_parties, run

P = 2**61 - 1
Row = list[int]

_party: contextvars.ContextVar[int] = contextvars.ContextVar("party")


class Variables:
    """The first `secrets` variables are secrets, the others were drawn. `known`: by party, the ones that it drew.

    `count` is how many there is room for: odd and large, so that no message of keys is as long as one of rows.
    """

    def __init__(self, secrets: int, drawn: int) -> None:
        self.secrets = secrets
        self.count = max(101, secrets + drawn) | 1
        self.numbers: dict[tuple[bytes, int, int], int] = {}
        self.known: dict[int, set[int]] = {}

    def draw(self, key: bytes, number: int, place: int) -> Row:
        """The variable at a place of a stream, which the party that asks knows from now on."""
        index = self.secrets + self.numbers.setdefault((key, number, place), len(self.numbers))
        assert index < self.count, "more variables than there is room for"
        self.known.setdefault(_party.get(), set()).add(index)
        return unit(index, self.count)

    def random(self, count: int) -> list[Row]:
        """Fresh variables that no party knows as such: for the sharings that a protocol starts from."""
        first = len(self.numbers)
        self.numbers |= {(b"start", 0, first + i): first + i for i in range(count)}
        return [unit(self.secrets + first + i, self.count) for i in range(count)]


def unit(index: int, count: int) -> Row:
    """1 at one place."""
    return [int(i == index) for i in range(count)]


def combined(weights: Sequence[int], rows: Sequence[Row]) -> Row:
    """Σ weights · rows modulo p."""
    return [sum(w * x for w, x in zip(weights, column, strict=True)) % P for column in zip(*rows, strict=True)]


def polynomial(coefficients: Sequence[Row], point: int) -> Row:
    """The share of a polynomial, lowest coefficient first."""
    return combined([point**power for power in range(len(coefficients))], coefficients)


def words(row: Row) -> np.ndarray:
    """A row as the code takes it."""
    return np.array(row, np.uint64)


def rows(array: np.ndarray, count: int) -> list[Row]:
    """What the code gives, as rows."""
    return [[int(x) for x in row] for row in array.reshape(-1, count)]


def watch(monkeypatch: pytest.MonkeyPatch, variables: Variables) -> None:
    """Replace all streams."""

    def begin(self: Any, key: bytes, number: int = 0) -> None:
        self.name, self.place = (key, number), 0

    def elements(self: Any, count: int) -> np.ndarray:
        drawn = []
        for _ in range(count // variables.count):
            drawn.append(variables.draw(*self.name, self.place))
            self.place += 1
        assert len(drawn) * variables.count == count
        return np.array(drawn, np.uint64).reshape(-1)

    monkeypatch.setattr(Stream, "__init__", begin)
    monkeypatch.setattr(Stream, "elements", elements)


@dataclass
class Seen:
    """A run: each party's result, and what it received."""

    variables: Variables
    results: list[Any]
    received: list[list[Row]]

    def view(self, coalition: Sequence[int], more: Sequence[Row] = ()) -> list[Row]:
        """What these parties know: drawn numbers, received numbers, and more, such as their inputs."""
        known = set().union(*(self.variables.known.get(q, set()) for q in coalition))
        drawn = [unit(index, self.variables.count) for index in sorted(known)]
        return [*drawn, *(row for q in coalition for row in self.received[q]), *more]


def watched(variables: Variables, m: int, t: int, program: Callable[[Party], Awaitable[Any]]) -> Seen:
    """Run a program at all parties, streams replaced before."""

    async def as_party(party: Party) -> Any:
        _party.set(party.me)
        return await program(party)

    parties = make_parties(m, t)
    results = run(parties, as_party)
    size = 8 * variables.count
    received = [
        [row for message in party.view() if len(message) % size == 0 for row in _message(message, variables.count)]
        for party in parties
    ]
    keys = {len(message) for party in parties for message in party.view() if len(message) % size}
    assert all(length % (8 * KEY_WORDS) == 0 for length in keys)
    return Seen(variables, results, received)


def _message(message: bytes, count: int) -> list[Row]:
    return rows(np.frombuffer(message, np.uint64), count)


def tells_nothing_but(view: Sequence[Row], allowed: Sequence[Row], secrets: int) -> bool:
    """Whether the view's distribution depends on the secrets only through the allowed functions of them.

    Secrets that agree in all of those differ by a vector of the allowed rows' kernel, which must be a shift within the
    span of the random columns.
    """
    columns = _transposed([row[secrets:] for row in view])
    base = _basis(columns)
    for difference in _kernel([row[:secrets] for row in allowed], secrets):
        shift = [sum(x * d for x, d in zip(row, difference, strict=False)) % P for row in view]
        if len(_basis([*base, shift])) > len(base):
            return False
    return True


def span(view: Sequence[Row], secrets: int) -> list[Row]:
    """The space that the randomness takes a view through, in the one reduced form that it has."""
    return _basis(_transposed([row[secrets:] for row in view]))


def _transposed(matrix: Sequence[Row]) -> list[Row]:
    return [list(column) for column in zip(*matrix, strict=True)]


def _basis(vectors: Sequence[Row]) -> list[Row]:
    """Reduced row echelon form."""
    basis: list[Row] = []
    pivots: list[int] = []
    for vector in vectors:
        rest = list(vector)
        for pivot, row in zip(pivots, basis, strict=True):
            if rest[pivot]:
                rest = [(a - rest[pivot] * b) % P for a, b in zip(rest, row, strict=True)]
        place = next((i for i, x in enumerate(rest) if x), None)
        if place is None:
            continue
        inverse = pow(rest[place], -1, P)
        rest = [x * inverse % P for x in rest]
        basis = [
            [(a - row[place] * b) % P for a, b in zip(row, rest, strict=True)] if row[place] else row for row in basis
        ]
        pivots.append(place)
        basis.append(rest)
    return [row for _, row in sorted(zip(pivots, basis, strict=True))]


def _kernel(matrix: Sequence[Row], columns: int) -> list[Row]:
    """A basis of the vectors that all rows are 0 on."""
    basis = _basis(matrix)
    pivots = [next(i for i, x in enumerate(row) if x) for row in basis]
    kernel = []
    for free in (column for column in range(columns) if column not in pivots):
        vector = unit(free, columns)
        for pivot, row in zip(pivots, basis, strict=True):
            vector[pivot] = -row[free] % P
        kernel.append(vector)
    return kernel
