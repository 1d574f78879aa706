"""Processes of this machine, for tests of who is left."""

from __future__ import annotations

from pathlib import Path


def processes_in(folder: Path) -> list[str]:
    """The command lines of running processes that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found
