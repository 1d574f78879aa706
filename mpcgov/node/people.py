"""Which of an agency's people is at the keyboard, as the operating system knows them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

NOBODY_LOGGED_IN = 2**32 - 1


def current() -> str:
    """The name of the user who logged in; of the one who runs this process where the system doesn't keep that.

    Who logged in stays the same through `sudo` and `su`, so that two people who share a service account are two. On
    systems that don't keep it, people who become one user are one. No environment variable counts: anybody sets those.
    """
    number = _logged_in()
    number = os.getuid() if number is None else number
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _logged_in() -> int | None:
    """Linux keeps it for each process, and lets nobody change it without the right to audit."""
    try:
        number = int(Path("/proc/self/loginuid").read_text())
    except (OSError, ValueError):
        return None
    return None if number == NOBODY_LOGGED_IN else number
