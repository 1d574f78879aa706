"""Linked jobs in one process: parties on a wire of futures that keeps everything it carries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpcgov import registry
from mpcgov.jobs import check
from mpcgov.linkage import LinkedRows, OwnRows
from mpcgov.linkage.tags import Texts
from mpcgov.linked.columns import carried_by
from mpcgov.linked.facts import Linked
from mpcgov.linked.taken import taken
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.lazy import Scheduler
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.table import CategoryColumn, Dataset, DecimalColumn, Declaration
from tests.mpc.word.local import Party, make_parties, opened, run

Rows = dict[str, list[dict[str, str]]]
MAX_ROWS = 1000
_LINKED: dict[str, Linked] = {}


@dataclass
class Case:
    """A linked job with its owners' rows as text; `key` is the key column."""

    protocol: str
    declared: dict[str, dict[str, dict[str, Any]]]
    rows: Rows
    params: dict[str, Any] = field(default_factory=dict)
    parties: int = 3
    threshold: int = 1
    join: str = "inner"
    method: str = "matcher"
    size_noise: Any = None
    max_rows: int = MAX_ROWS
    min_count: int = 10
    round_to: int | None = None
    noise: dict[str, Any] | None = None
    rules: dict[str, Any] = field(default_factory=dict)
    receivers: tuple[str, ...] = ("coordinator",)

    @property
    def names(self) -> list[str]:
        """All parties, those without data last."""
        return [*self.rows, *(f"helper{i}" for i in range(self.parties - len(self.rows)))]

    def linked(self) -> Linked:
        """The job's public facts: of who brings rows, not of the rows; worked out once."""
        said = repr(vars(self) | {"rows": list(self.rows)})
        if said not in _LINKED:
            _LINKED[said] = self._linked()
        return _LINKED[said]

    def _linked(self) -> Linked:
        parts = {name: {"dataset": "d", "key": "key"} if name in self.rows else {} for name in self.names}
        job = validate(
            {
                "protocol": self.protocol,
                "purpose": "a test",
                "legal_basis": "none",
                "parties": parts,
                "params": self.params,
                "link": {"join": self.join, "method": self.method}
                | ({} if self.size_noise is None else {"size_noise": self.size_noise}),
                "disclosure": {"min_count": self.min_count, "round_to": self.round_to, "noise": self.noise}
                | self.rules,
                "receivers": list(self.receivers),
            },
            Job,
            "job",
        )
        manifest = registry.find(self.protocol).manifest
        declarations: dict[str, Declaration] = {}
        for name, columns in self.declared.items():
            whole = {"source": "x", "max_rows": self.max_rows, "columns": {"key": {"kind": "key"}, **columns}} | {
                "unique": ["key"]
            }
            used = set(check.used_columns(job, manifest, name))
            declarations[name] = validate(whole, Dataset, name).declaration.only(used)
        check.check_job(job, manifest, declarations, self.threshold)
        return Linked.of(job, manifest, declarations)

    def own(self, linked: Linked, name: str) -> OwnRows | None:
        """What an owner brings, as the worker would have it."""
        if name not in self.rows:
            return None
        keys = [row["key"].encode() for row in self.rows[name]]
        offsets = np.cumsum([0, *map(len, keys)], dtype=np.int64)
        columns = {}
        for column in linked.asked.columns:
            if column.party == name:
                kind = linked.declarations[name].columns[column.column]
                assert carried_by(linked.job, linked.declarations, column) is not None
                columns[column.column] = np.array(
                    [steps(kind, row[column.column]) for row in self.rows[name]], np.int64
                )
        return OwnRows(Texts(np.frombuffer(b"".join(keys), np.uint8), offsets), taken(linked, name, columns))

    def run(self, program: Callable[[LinkedRows], Awaitable[Any]]) -> tuple[list[Any], list[Party]]:
        """What the program gives at each party, and the parties with all their messages."""
        linked, parties = self.linked(), make_parties(self.parties, self.threshold)

        async def one(party: Party) -> Any:
            config = SessionConfig(tuple(self.names), party.me, self.threshold, bytes(32), 59, 1000)
            failures: list[BaseException] = []
            rows = LinkedRows(
                engine(party, config, failures), config, linked, "job", self.own(linked, self.names[party.me])
            )
            result = await program(rows)
            assert failures == []
            return result

        return run(parties, one), parties


def engine(party: Party, config: SessionConfig, failures: list[BaseException]) -> WordEngine:
    """The engine of words on the party's own wire."""
    made = WordEngine.__new__(WordEngine)
    made.config = config
    made._line = party.line
    made._scheduler = Scheduler(party.line, party.prss, failures.append)
    return made


def steps(kind: Any, text: str) -> int:
    """A value as its owner deals it."""
    if isinstance(kind, CategoryColumn):
        return kind.values.index(text)
    return round(float(text) * 10**kind.places) if isinstance(kind, DecimalColumn) else int(text)


async def places(found: dict[Any, Any]) -> dict[Any, list[np.ndarray]]:
    """The shares of what a program gave, once they are there."""
    result = {}
    for name, value in found.items():
        parts = value if isinstance(value, list) else [value]
        result[name] = list(await asyncio.gather(*(part._backing.words() for part in parts)))
    return result


def opened_places(results: list[dict[Any, list[np.ndarray]]], threshold: int) -> dict[Any, list[np.ndarray]]:
    """The numbers behind all parties' shares, place by place."""
    return {
        name: [opened([result[name][k] for result in results], threshold) for k in range(len(results[0][name]))]
        for name in results[0]
    }
