"""Counts through the secure disclosure control, all parties in one process: what would be opened, and every message."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mpcgov.mpc import SecretArray, SessionConfig
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.prss import subsets
from mpcgov.spec.job import Disclosure
from mpcgov.spec.statement import Opened, ResultTable
from mpcgov.worker.clear import clear_columns, clear_counts
from tests.mpc.word.local import LocalWire, Network, opened

HIGH = 2**20
NAMES = "abcdefg"
"""The parties, in order."""


@dataclass
class Cleared:
    """`tables`: what a receiver opens, in the order of the layout. `network`: all messages until then."""

    tables: dict[str, list[int]]
    network: Network

    @property
    def sizes(self) -> dict[tuple[int, int, int], int]:
        """The length of every message, by sender, receiver and label."""
        return {label: len(message) for label, message in self.network.messages.items()}


def layout(shape: Sequence[int], rules: Disclosure, impossible: Sequence[int] = ()) -> tuple[ResultTable, ...]:
    """A table of counts, and its margins if they are asked for."""
    domain = tuple(tuple(f"{axis}{i}" for i in range(count)) for axis, count in zip("abcd", shape, strict=False))
    columns = (*"abcd"[: len(shape)], "count")
    opened = (Opened(name="count", low=0, high=HIGH),)
    table = ResultTable(name="count", columns=columns, domain=domain, opened=opened, impossible=tuple(impossible))
    return (table, *(table.margins() if rules.margins else ()))


def clear(
    agencies: Sequence[Sequence[int]],
    shape: Sequence[int],
    rules: Disclosure,
    m: int = 3,
    receivers: str = "",
    impossible: Sequence[int] = (),
    columns: bool = False,
) -> Cleared:
    """The cleared tables of counts that the first parties of m deal; with noise they may be negative.

    `columns`: they are of the parts of columns.
    """
    masters = {s: os.urandom(32) for s in subsets(m, 1)}
    network = Network()
    failures: list[BaseException] = []
    tables = layout(shape, rules, impossible)

    async def party(me: int) -> dict[str, np.ndarray]:
        config = SessionConfig(tuple(NAMES[:m]), me, 1, bytes(32), 59, 0)
        own = {s: key for s, key in masters.items() if me in s}
        engine = WordEngine(config, LocalWire(network, me), own, failures.append)
        dealt = []
        for dealer, counts in enumerate(agencies):
            values = np.array(counts, np.int64) if dealer == me else None
            low = 0 if rules.noise is None else -HIGH // 8
            dealt.append(SecretArray.deal(engine, values, dealer, len(counts), low, HIGH // 8))
        added = {"count": sum(dealt[1:], start=dealt[0])}
        own = dict(zip(NAMES, dealt, strict=False))
        cleared = clear_columns(added, rules) if columns else clear_counts(added, rules, tables, own, receivers)
        shares = {name: await table.cells.shares() for name, table in cleared.items()}
        await engine.idle()
        return shares

    async def everybody() -> list[dict[str, np.ndarray]]:
        return list(await asyncio.gather(*(party(me) for me in range(m))))

    found = asyncio.run(everybody())
    assert failures == []
    assert list(found[0]) == [table.name for table in tables]
    values = {name: [int(v) for v in opened([shares[name] for shares in found], 1)] for name in found[0]}
    return Cleared(values, network)
