"""No identifier, nor a plain hash of one, stays anywhere: not on disk, not in what is printed, not in a query."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis
import pytest

from mpcgov.spec.table import Dataset
from mpcgov.worker.rows import Wanted, keyed_rows
from mpcgov.worker.source import Source, open_table
from tests.linked import agencies

KEYS = [f"Ä38001-{i:05}" for i in range(60)]
VECTOR: dict[str, Any] = {
    "what": "traces",
    "keys": {"tax": ["id"], "edu": ["id"]},
    "declared": {name: {"id": {"kind": "key", "normalise": ["casefold", "digits"]}} for name in ("tax", "edu")},
    "tables": {
        "tax": {"columns": ["id"], "rows": [[key] for key in KEYS]},
        "edu": {"columns": ["id"], "rows": [[key] for key in KEYS[20:]]},
        "stat": None,
    },
    "params": {},
    "rules": {"join": "inner", "min_count": 10, "round_to": None},
}


TEXTS = [text for key in KEYS for text in (key, key.casefold(), "".join(c for c in key if c in "0123456789"))]


def betrayed(data: bytes, texts: Sequence[str] = TEXTS) -> list[str]:
    """Which identifiers, as they are written or normalised, or hashes of them are in some bytes."""
    found = []
    for text in texts:
        plain = text.encode()
        digests = [hashlib.new(name, plain).digest() for name in ("md5", "sha1", "sha256", "sha512", "blake2b")]
        marks = [
            plain,
            text.encode("utf-16-le"),
            json.dumps(text)[1:-1].encode(),
            *(d[:8] for d in digests),
            *(d.hex()[:12].encode() for d in digests),
        ]
        found += [text for mark in marks if mark in data]
    return found


@pytest.mark.parametrize("fails", [False, True])
def test_a_linked_job_leaves_no_identifier_on_disk_or_in_what_it_prints(tmp_path: Path, fails: bool) -> None:
    """Also if it fails for a key that stands twice, and says why at length."""
    rows = VECTOR["tables"]["tax"]["rows"]
    vector = VECTOR | {"tables": VECTOR["tables"] | {"tax": {"columns": ["id"], "rows": [*rows, *rows[: 3 * fails]]}}}
    job = agencies.write(tmp_path / "work", "overlap", vector)
    folders = [tmp_path / "temporary", tmp_path / "cwd"]
    for folder in folders:
        folder.mkdir()
    started = time.time()
    done = subprocess.run(
        [sys.executable, "-m", "mpcgov", "-v", "simulate", str(job), "--agencies", str(tmp_path / "work/agencies")],
        cwd=folders[1], env=os.environ | {"TMPDIR": str(folders[0])}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == (2 if fails else 0), done.stderr
    assert betrayed(done.stdout + done.stderr) == []
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mpcgov"
    written = [path for folder in (*folders, cache) for path in folder.rglob("*") if path.is_file()]
    for path in written:
        if path.stat().st_mtime >= started:
            assert betrayed(path.read_bytes()) == [], path


def test_a_trace_would_be_noticed() -> None:
    assert betrayed(b"..." + hashlib.sha256(b"3800100007").hexdigest().encode()) == ["3800100007"]
    assert betrayed("Ä38001-00007".encode())
    assert betrayed(rb'{"key": "\u00c438001-00007"}')


@pytest.mark.parametrize("rules", [None, {}])
def test_no_query_holds_an_identifier(
    tmp_path: Path, rules: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queries are what an agency's database may log: they name columns, not persons."""
    queries: list[str] = []
    honest = Source.query

    def logged(source: Source, expr: Any) -> Any:
        queries.append(str(ibis.to_sql(expr, dialect="duckdb")))
        return honest(source, expr)

    monkeypatch.setattr(Source, "query", logged)
    agencies.write(tmp_path, "overlap", VECTOR)
    dataset = Dataset.model_validate({"source": "rows.csv", "columns": VECTOR["declared"]["tax"], "max_rows": 1000})
    with open_table(dataset, "rows", tmp_path / "agencies/tax", ["id"]) as source:
        assert len(keyed_rows(source, Wanted(["id"], [], rules))) == len(KEYS)
    assert any("SELECT" in query for query in queries)
    assert betrayed("\n".join(queries).encode()) == []
