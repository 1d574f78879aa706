"""Who saw and learned what in a job, in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mpcgov import registry
from mpcgov.errors import MpcgovError


def who_learned(result: Mapping[str, Any], protocols: Path | None = None) -> list[tuple[str, list[str]]]:
    """Per participant: what it brought, what it saw, what it learned; nothing of a protocol that isn't on this disk.

    Args:
        protocols: a folder to look in first.
    """
    try:
        manifest = registry.find(result["protocol"].partition("@")[0], protocols).manifest
    except MpcgovError:
        return []
    seen = "shares and tags that look" if manifest.linked else "shares that look"
    leaks = {leak.id: leak.what for leak in manifest.leakage}
    learned = {who: [item["what"] for item in items] for who, items in result["learned"].items()}
    everyone = [name for name in leaks if all(name in names for names in learned.values())]
    sections = []
    for who, names in learned.items():
        tables = [f"the table {name.removeprefix('tables.')}" for name in names if name.startswith("tables.")]
        lines = [f"learned {', '.join(tables) or 'nothing of the result'}"]
        lines += [f"declared to leak: {leaks[name]}" for name in names if name in leaks and name not in everyone]
        part = result["request"]["parties"].get(who)
        if part is not None:
            own = f"its own rows of {part['dataset']}" if "dataset" in part else "no rows"
            lines.insert(0, f"saw {own}, and of the others only {seen} random")
        else:
            lines.insert(0, "saw no rows, and no share of anybody's input")
        sections.append((who, lines))
    return [*sections, ("everyone", [f"declared to leak: {leaks[name]}" for name in everyone])]
