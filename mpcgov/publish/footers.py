"""What is said below each table of a result, by its kind: `mpcgov.kinds`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mpcgov import kinds, registry
from mpcgov.errors import MpcgovError
from mpcgov.spec.manifest import Manifest


def footers(result: dict[str, Any], protocols: Path | None = None) -> dict[str, list[str]]:
    """By table, the lines below it; none below margins, nor below tables of a protocol that isn't on this disk.

    Args:
        protocols: a folder to look in first.
    """
    try:
        manifest = registry.find(result["protocol"].partition("@")[0], protocols).manifest
    except MpcgovError:
        return {name: [] for name in result["tables"]}
    receiving = _receiving(result, manifest)
    with_rows = {"closed": receiving} if manifest.linked else {"without": receiving}
    rules = {**result["disclosure"], "without": [], "closed": [], "left": "left" in manifest.joins, **with_rows}
    never = result["disclosure"].get("not_applicable", {})
    return {
        name: kinds.of(manifest.tables[name]).footer(
            table["columns"], table["rows"], {**rules, "not_applicable": never.get(name, {})}
        )
        if name in manifest.tables
        else []
        for name, table in result["tables"].items()
    }


def _receiving(result: dict[str, Any], manifest: Manifest) -> list[str]:
    """The receivers that brought rows: those who learn what only such ones do. None if noise hides what they know."""
    told = {leak.id for leak in manifest.leakage if leak.to == "receiving-owners"}
    if "noise" in result["disclosure"]:
        return []
    return [party for party, learned in result["learned"].items() if told & {one["what"] for one in learned}]
