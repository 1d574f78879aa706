"""What many tests need: workspaces of agencies with data, and the plain answer to a job."""

from __future__ import annotations

import csv
import gc
import itertools
import json
import os
import ssl
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql
from hypothesis import HealthCheck, settings

from mpcgov import disclosure, registry
from mpcgov.keys import Identity
from mpcgov.spec.roster import Card
from mpcgov.trust import client
from tests import nightly

gc.disable()  # until all tests are collected: what is loaded till then stays, so there is no garbage in it

CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
"""Left out: how long an example takes is the machine's matter, and a folder or a patch may serve many.

The examples are the same in every run, so that none fails for what another change didn't do; at night they are new,
and more.
"""
settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=CHECKS,
    derandomize="MPCGOV_NIGHTLY" not in os.environ,
    max_examples=nightly.count(20, 100),
)
settings.load_profile("any machine")

_find, _folders = registry.find, registry.folders
_shipped = cache(_find)


def _find_once(name: str, first: Path | None = None) -> registry.Protocol:
    """A shipped protocol is read and digested once: thousands of jobs ask for it, and no test changes it."""
    return _shipped(name) if first is None and registry.folders is _folders else _find(name, first)


registry.find = _find_once


_create_engine, _FIRST = sql.create_engine, dict[str, sql.Engine]()


def _create_engine_once(*url: Any, **options: Any) -> sql.Engine:
    """SQL is put together once for all SQLite databases: each test has several, and a node goes on with one."""
    engine = _create_engine(*url, **options)
    if engine.dialect.name == "sqlite":
        first = _FIRST.setdefault("sqlite", engine)
        engine.dialect, engine._compiled_cache, engine.pool._dialect = (
            first.dialect,
            first._compiled_cache,
            first.dialect,
        )
    return engine


sql.create_engine = _create_engine_once


_client_context, _CONTEXTS = client.client_context, dict[tuple[str, str], ssl.SSLContext]()


def _client_context_once(identity: Identity, peer: Card) -> ssl.SSLContext:
    """Consortia are written out again with the keys of earlier ones, and each request of a test has its own client."""
    own = identity.certificate_path.read_text(), peer.certificate
    if own not in _CONTEXTS:
        _CONTEXTS[own] = _client_context(identity, peer)
    return _CONTEXTS[own]


client.client_context = _client_context_once


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What has been loaded then is never looked through for garbage, and is shared with processes that tests fork."""
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    nightly.leave_out(items)


Rows = Sequence[Mapping[str, str]]


@dataclass
class Workspace:
    """A folder with agencies and a job, written from plain rows."""

    folder: Path
    domains: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, Rows | None] = field(default_factory=dict)
    max_rows: int = 100_000

    def agency(self, party: str, rows: Rows | None, extra_columns: str = "") -> None:
        """Writes a party's data and its declaration; None for a party that only computes."""
        self.rows[party] = rows
        if rows is None:
            return
        home = self.folder / party
        home.mkdir(parents=True)
        with (home / "people.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*self.domains, "age"])
            writer.writeheader()
            writer.writerows(rows)
        columns = {name: {"kind": "category", "values": values} for name, values in self.domains.items()}
        columns["age"] = {"kind": "integer", "min": 0, "max": 120}
        declared = {"people": {"source": "people.csv", "max_rows": self.max_rows, "columns": columns}}
        (home / "datasets.yaml").write_text(json.dumps(declared), encoding="utf-8")

    def job(self, by: list[str], where: str | None = None, **other: Any) -> Path:
        """Writes a job over all agencies."""
        part = {"dataset": "people"} | ({"where": where} if where else {})
        job = {
            "protocol": "joint-count",
            "purpose": "a test",
            "legal_basis": "none",
            "parties": {party: {} if rows is None else part for party, rows in self.rows.items()},
            "params": {"by": by},
            "receivers": ["coordinator"],
        }
        path = self.folder / "job.yaml"
        path.write_text(json.dumps(job | other), encoding="utf-8")
        return path

    def plain(
        self, by: list[str], keep: Callable[[Mapping[str, str]], bool], min_count: int, round_to: int | None
    ) -> list[list[Any]]:
        """The rows of the table that the job must release."""
        counts = Counter(
            tuple(row[name] for name in by) for rows in self.rows.values() for row in rows or () if keep(row)
        )
        cells = list(itertools.product(*(self.domains[name] for name in by)))
        released = disclosure.cleared([counts[cell] for cell in cells], min_count, round_to)
        return [
            [*cell, None if value == disclosure.SENTINEL else value]
            for cell, value in zip(cells, released, strict=True)
        ]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "agencies")


@pytest.fixture
def read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands and nodes start no process to read an agency's data for its own people: see `tests.readhere`."""
    from tests import readhere

    readhere.here(monkeypatch)
