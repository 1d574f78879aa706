"""Linked jobs from plain text, with declarations, for tests of their public facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from mpcgov import registry
from mpcgov.jobs import check
from mpcgov.spec.job import Job
from mpcgov.spec.load import parse_yaml
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.table import Datasets, Declaration

DATASETS = """
tax:
  source: a.csv
  max_rows: 1000000
  unique: [id]
  columns:
    id: {kind: key, normalise: [trim, casefold]}
    born: {kind: date, min: 1900-01-01, max: 2025-12-31}
    income: {kind: decimal, min: -5, max: 500000, places: 2}
    weight: {kind: integer, min: 0, max: 9}
    region: {kind: category, values: [North, South]}
    kind: {kind: category, values: [only]}
    wide: {kind: integer, min: -9007199254740992, max: 9007199254740992}
edu:
  source: a.csv
  max_rows: 5000
  unique: [id]
  columns:
    id: {kind: key}
    name: {kind: text}
    born: {kind: date, min: 1900-01-01, max: 2025-12-31}
    level: {kind: category, values: [ba, ma, phd]}
    age: {kind: integer, min: 0, max: 120}
    year: {kind: integer, min: 1990, max: 2025}
wel:
  source: a.csv
  max_rows: 700
  unique: [id]
  columns:
    id: {kind: key}
    benefit: {kind: integer, min: 0, max: 1000}
    note: {kind: category, values: [a, (no match)]}
"""


@dataclass(frozen=True)
class Case:
    """A job with its protocol and what its data parties declare of the columns it uses."""

    job: Job
    manifest: Manifest
    declarations: Mapping[str, Declaration]

    def check(self, threshold: int = 1) -> None:
        check.check_job(self.job, self.manifest, self.declarations, threshold)


@pytest.fixture
def case() -> Callable[..., Case]:
    """A job of protocol `protocol`: `parties` by name as YAML, by default tax, edu, and stat without data."""
    known = parse_yaml(DATASETS, Datasets, "datasets.yaml").root

    def make(protocol: str, rest: str = "", parties: Mapping[str, str] | None = None) -> Case:
        chosen = {"tax": "{dataset: d, key: id}", "edu": "{dataset: d, key: id}", "stat": "{}"} | dict(parties or {})
        lines = "\n".join(f"  {party}: {part}" for party, part in chosen.items() if part)
        text = f"protocol: {protocol}\npurpose: p\nlegal_basis: l\nreceivers: [coordinator]\nparties:\n{lines}\n{rest}"
        job = parse_yaml(text, Job, "job.yaml")
        manifest = registry.read(registry.folders()[0] / job.protocol_name).manifest
        used = {party: set(check.used_columns(job, manifest, party)) for party in job.data_parties}
        owned = {party: known.get(party, known["edu"]).declaration for party in used}
        declarations = {
            party: owned[party].only(columns & set(owned[party].columns))
            for party, columns in used.items()
            if columns & set(owned[party].columns)
        }
        return Case(job, manifest, declarations)

    return make
