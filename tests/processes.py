"""Processes of this machine, for tests of who is left."""

from __future__ import annotations

from pathlib import Path


def processes_in(folder: Path) -> list[str]:
    """The command lines of running processes that name a folder, or log into it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            logs = str((process / "fd/2").readlink())
        except OSError:
            continue
        if str(folder) in line or logs.startswith(str(folder)):
            found.append(line)
    return found
