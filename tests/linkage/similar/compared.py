"""A job of record-linkage in one process, on a wire that keeps everything; and its secrets put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mpcgov import registry
from mpcgov.jobs import check
from mpcgov.linkage import ownrecords
from mpcgov.linkage.linkedrecords import LinkedRecords
from mpcgov.linkage.ownrecords import OwnRecords
from mpcgov.linkage.similar.best import Cubes
from mpcgov.linkage.similar.clk import Filters
from mpcgov.linkage.tags import Texts
from mpcgov.linked.facts import Linked
from mpcgov.linked.taken import taken
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.word.sign import Pieces
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset
from mpcgov.worker.clear import clear_linked
from tests.linkage.linked_parties import engine
from tests.mpc.word.local import Party, make_parties, run

NAMES = ("tax", "wel", "stat")
YEARS = range(1990, 1993)
THRESHOLD = 1
_LINKED: dict[str, Linked] = {}


def texts(values: Sequence[str]) -> Texts:
    """A field's values as an owner has them."""
    encoded = [value.encode() for value in values]
    return Texts(np.frombuffer(b"".join(encoded), np.uint8), np.cumsum([0, *map(len, encoded)], dtype=np.int64))


def opened(pieces: Sequence[Pieces | Cubes]) -> np.ndarray:
    """The bits of all three parties' pieces."""
    for i in range(3):
        assert (pieces[i].right == pieces[(i + 1) % 3].left).all(), "two parties have different pieces of a pair"
    return pieces[0].left ^ pieces[0].right ^ pieces[1].right


@dataclass
class Case:
    """Both owners' records: names, and a category and a number of each.

    `born`: the owners' dates as texts, where these are compared too. `blocks`: both owners' years, where there are
    blocks; `further`: those of further passes. `parties`: further ones only compute. `secret`: what tax's filters' keys
    are made from, with welfare's of zeros; fresh ones if there is none. `job`: its digest. `third`: stat's names.
    """

    first: list[str]
    second: list[str]
    params: dict[str, Any] = field(default_factory=dict)
    max_rows: int = 1000
    min_count: int = 3
    blocks: tuple[Sequence[int], Sequence[int]] | None = None
    parties: tuple[str, ...] = NAMES
    born: tuple[list[str], ...] | None = None
    secret: bytes | None = None
    job: str = "job"
    receivers: tuple[str, ...] = ("coordinator",)
    further: tuple[tuple[Sequence[int], Sequence[int]], ...] = ()
    third: list[str] | None = None

    def linked(self) -> Linked:
        """The job's public facts, none of which is about a record; worked out once."""
        asked = {
            "blocks": self.blocks is None,
            "further": len(self.further),
            "born": self.born is None,
            "first": 0,
            "second": 0,
            "third": self.third is None,
            "secret": 0,
        }
        said = repr(vars(self) | asked)
        if said not in _LINKED:
            _LINKED[said] = self._linked()
        return _LINKED[said]

    def _linked(self) -> Linked:
        owners = NAMES[: 2 + (self.third is not None)]
        fields = [{"type": "name", "columns": dict.fromkeys(owners, "name")}]
        if self.born is not None:
            fields.append({"type": "date", "columns": dict.fromkeys(owners, "born")})
        params = {"fields": fields, "threshold": "0.7", "output": "links", "identify": dict.fromkeys(owners, "id")}
        if self.blocks is not None:
            years = ["year", *(f"year{number}" for number in range(len(self.further)))]
            passes = [[{"type": "year", "columns": dict.fromkeys(owners, name)}] for name in years]
            params["blocks"] = passes if self.further else passes[0]
        job = validate(
            {
                "protocol": "record-linkage",
                "purpose": "a test",
                "legal_basis": "none",
                "parties": {name: {"dataset": "d"} if name in owners else {} for name in self.parties},
                "params": {name: value for name, value in (params | self.params).items() if value is not None},
                "disclosure": {"min_count": self.min_count},
                "receivers": list(self.receivers),
            },
            Job,
            "job",
        )
        manifest = registry.find("record-linkage").manifest
        columns = {
            "name": {"kind": "text"},
            "born": {"kind": "text"},
            "id": {"kind": "text"},
            "sex": {"kind": "category", "values": ["F", "M"]},
            "income": {"kind": "integer", "min": -10_000, "max": 10_000},
            **{name: {"kind": "integer", "min": YEARS[0], "max": YEARS[-1]} for name in ("year", "year0", "year1")},
        }
        whole = {"source": "x", "max_rows": self.max_rows, "columns": columns}
        declared = {}
        for name in owners:
            used = set(check.used_columns(job, manifest, name))
            declared[name] = validate(whole, Dataset, name).declaration.only(used)
        check.check_job(job, manifest, declared, THRESHOLD)
        return Linked.of(job, manifest, declared)

    def own(self, linked: Linked, name: str) -> OwnRecords | None:
        """What an owner brings, as the worker would have it."""
        values = dict(zip(NAMES, (self.first, self.second, self.third), strict=True)).get(name)
        if values is None:
            return None
        identifiers = texts([f"{name}{i}" for i in range(len(values))]) if linked.asked.output == "links" else None
        wanted = {column.column for column in linked.asked.columns if column.party == name}
        columns = {"sex": np.arange(len(values)) % 2, "income": np.arange(len(values)) - 50}
        years = [np.array(one[NAMES.index(name)], np.int64) - YEARS[0] for one in (self.blocks, *self.further) if one]
        blocks = tuple(np.where((one < 0) | (one >= len(YEARS)), -1, one) for one in years)
        secret = None if self.secret is None else self.secret if name == "tax" else bytes(32)
        carried = taken(linked, name, {c: v for c, v in columns.items() if c in wanted})
        born = [] if self.born is None else [texts(self.born[NAMES.index(name)])]
        return OwnRecords((texts(values), *born), identifiers, carried, blocks, secret=secret)

    def run(self, program: Callable[[LinkedRecords], Any] | None = None) -> tuple[list[Any], list[Party]]:
        """What comes out at each party, disclosure control included, and the parties with all their messages."""
        linked, parties = self.linked(), make_parties(len(self.parties))

        async def one(party: Party) -> Any:
            config = SessionConfig(self.parties, party.me, 1, bytes(32), 59, 1000)
            failures: list[BaseException] = []
            own = self.own(linked, self.parties[party.me])
            records = LinkedRecords(engine(party, config, failures), config, linked, self.job, own)
            cleared = clear_linked(linked, await records.tables())
            result = {name: await table.cells._backing.words() for name, table in cleared.items()}
            assert failures == []
            return result

        return run(parties, one), parties


@contextmanager
def dealt_filters() -> Iterator[dict[bool, Filters]]:
    """Has the filters of a job that runs meanwhile, those of the rows under True, those of the columns under False."""
    made: dict[bool, Filters] = {}

    def remember(*arguments: Any) -> Filters:
        made[arguments[-1]] = Filters(*arguments)
        return made[arguments[-1]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ownrecords, "Filters", remember)
        yield made


def all_scores(filters: Mapping[bool, Filters]) -> np.ndarray:
    """Those of all pairs, padding included, by plain numpy."""
    sides = (filters[side] for side in (True, False))
    a, b = (side.rows(np.arange(len(side.records))).astype(np.int64) for side in sides)
    p = 2 ** filters[True]._scoring.prime_bits - 1
    scores = a @ b.T % p
    return np.where(scores > p // 2, scores - p, scores)


def best_pairs(scores: np.ndarray) -> list[tuple[int, int]]:
    """The mutual bests that aren't negative, the first ones of equal ones."""
    rows, columns = scores.argmax(axis=1), scores.argmax(axis=0)
    return [(i, int(j)) for i, j in enumerate(rows) if columns[j] == i and scores[i, j] >= 0]


def dice(one: set[Any], other: set[Any]) -> Fraction:
    """Of two sets."""
    return Fraction(2 * len(one & other), len(one) + len(other))
