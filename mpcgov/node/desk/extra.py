"""Libraries of the console, loaded when the first person meets the desk: no other node needs these megabytes."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from mpcgov.errors import LocalError

HOLDS_NOT = 3
"""The exit status of the process that reads a new passkey, where the answer isn't one to what was asked."""


def loaded(purpose: str, package: str, *modules: str) -> Any:
    """A package of the extra `console` with some of its modules; `purpose` is what it is for.

    Raises:
        LocalError: it isn't installed.
    """
    try:
        for module in modules:
            importlib.import_module(f"{package}.{module}")
        return importlib.import_module(package)
    except ImportError:
        raise _missing(purpose) from None


def require(purpose: str, package: str) -> None:
    """Nothing, if a package of the extra `console` is installed.

    Raises:
        LocalError: it isn't.
    """
    if importlib.util.find_spec(package) is None:
        raise _missing(purpose)


def _missing(purpose: str) -> LocalError:
    return LocalError(f"the library for {purpose} is missing", hint="pip install 'mpcgov[console]'", code="missing")
