"""The two greatest values of each cell, against plain Python; and what is opened on the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mpcgov.linkage import tops
from mpcgov.linkage.tops import top_two
from mpcgov.mpc.word import order
from mpcgov.mpc.word.sharing import open_to_all
from tests.mpc.word.local import Party, make_parties, opened, run, share


def secretly(rows: list[tuple[int, int, int]], cells: int, highest: int, m: int = 3) -> list[list[int]]:
    """`rows`: whether it counts, its cell, its value."""
    return worked(rows, cells, highest, m)[0]


def worked(
    rows: list[tuple[int, int, int]], cells: int, highest: int, m: int = 3
) -> tuple[list[list[int]], list[Party]]:
    """And the parties with all their messages."""
    columns = [share([row[k] for row in rows], m, 1) for k in range(3)]
    parties = make_parties(m)

    async def program(party: Party) -> np.ndarray:
        linked, cell, values = (column[party.me] for column in columns)
        return await top_two(party.channel(), party.prss, linked, cell, values, cells, highest)

    return [[int(value) for value in row] for row in opened(run(parties, program), 1)], parties


def plainly(rows: list[tuple[int, int, int]], cells: int) -> list[list[int]]:
    values = [[value for counts, c, value in rows if counts and c == cell] for cell in range(cells)]
    found = [sorted([0, 0, *own])[-2:] for own in values]
    return [[top[1] for top in found], [top[0] for top in found]]


def some_rows(cells: int) -> st.SearchStrategy[tuple[int, list[tuple[int, int, int]]]]:
    row = st.tuples(st.integers(0, 1), st.integers(0, cells - 1), st.integers(0, 7))
    return st.tuples(st.just(cells), st.lists(row, min_size=1, max_size=25))


@settings(max_examples=25)
@given(st.integers(1, 5).flatmap(some_rows))
def test_the_two_greatest_are_found_whatever_is_equal_or_empty(case: tuple[int, list[tuple[int, int, int]]]) -> None:
    cells, rows = case
    assert secretly(rows, cells, 7) == plainly(rows, cells)


@pytest.mark.parametrize("m", [3, 4])
def test_large_values_and_many_cells(m: int) -> None:
    rng = np.random.Generator(np.random.PCG64(m))
    rows = [(int(rng.integers(2)), int(rng.integers(40)), int(rng.integers(2**40))) for _ in range(60)]
    assert secretly(rows, 40, 2**40, m) == plainly(rows, 40)


def test_what_is_opened_is_the_markers_of_all_cells_in_uniform_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the same rows: the same labels, each of a cell once, at other places."""
    seen: list[np.ndarray] = []

    async def watched(*args: object) -> np.ndarray:
        found = await open_to_all(*args)
        seen.append(found)
        return found

    monkeypatch.setattr(tops, "open_to_all", watched)
    for _ in range(2):
        secretly([(1, 0, 5), (1, 2, 7), (0, 1, 3), (1, 2, 9)] * 5, 3, 9)
    for found in seen:
        assert sorted(found.tolist()) == [0] * 20 + [1, 2, 3, 4]
    assert seen[0].tolist() != seen[3].tolist()


def test_how_much_is_sent_varies_with_the_shuffle_and_not_with_who_dominates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sort's bytes vary from run to run. Two worlds, one value that dominates or all alike: the same law."""
    monkeypatch.setattr(order, "FEW", 1 << 9)
    worlds, runs = [], 35
    for values in ([900, *[1] * 119], [50] * 120, list(range(120))):  # more than are compared all with all
        rows = [(1, number % 2, value) for number, value in enumerate(values)]
        sent = (worked(rows, 2, 1000)[1] for _ in range(runs))
        worlds.append([sum(map(len, parties[0].network.messages.values())) for parties in sent])
    assert len({size for world in worlds for size in world}) > 1
    assert min(stats.ks_2samp(worlds[0], other).pvalue for other in worlds[1:]) > 1e-6
