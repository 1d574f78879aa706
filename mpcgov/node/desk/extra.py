"""Libraries of the console, loaded when the first person meets the desk: no other node needs these megabytes."""

from __future__ import annotations

import importlib
from typing import Any

from mpcgov.errors import LocalError


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
        raise LocalError(
            f"the library for {purpose} is missing", hint="pip install 'mpcgov[console]'", code="missing"
        ) from None
