"""Kinds of tables say all of themselves, and nobody new asks for one by its name."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from mpcgov import kinds
from mpcgov.errors import InternalError
from mpcgov.kinds.kind import Kind
from mpcgov.spec.manifest import Table

ROOT = Path(kinds.__file__).parents[1]

STILL_ASKING = {"spec/manifest.py"}
"""Where a kind is still known by its name: to get fewer, by the steps of docs/adr/0018-table-kinds.md."""
FOLDERS = ("linked", "mpc", "spec", "worker")
"""Elsewhere a measure is one of noise, or a name that is shown."""


def test_there_is_a_kind_for_each_that_a_manifest_may_name() -> None:
    assert {kind.name for kind in kinds.KINDS} == set(get_args(Table.model_fields["measure"].annotation))


@pytest.mark.parametrize("left_out", [field.name for field in fields(Kind)])
def test_a_kind_that_leaves_something_open_cant_be_made(left_out: str) -> None:
    said = {field.name: getattr(kinds.KINDS[0], field.name) for field in fields(Kind) if field.name != left_out}
    with pytest.raises(TypeError, match=left_out):
        Kind(**said)


def test_nothing_is_assumed_of_a_kind_that_nobody_knows() -> None:
    table = Table(by=None, measure="count").model_copy(update={"measure": "quantiles"})
    with pytest.raises(InternalError, match="no kind of table is called quantiles"):
        kinds.of(table)


def test_no_more_places_ask_for_a_kind_by_its_name() -> None:
    asking = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if path.relative_to(ROOT).parts[0] in FOLDERS
        and any(
            isinstance(node, ast.Attribute) and node.attr == "measure"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    }
    assert asking == STILL_ASKING
