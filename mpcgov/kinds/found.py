"""Finds the kinds: every module of the package but those named here defines one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path

from mpcgov.errors import LocalError
from mpcgov.kinds.kind import Kind

SHARED = frozenset({"footers", "found", "kind", "moments", "noisy"})
"""Modules that kinds are made from."""


def kinds(places: Iterable[str], package: str) -> tuple[Kind, ...]:
    """All of them, sorted by name.

    Raises:
        LocalError: a file defines no kind or several, one that leaves something open, or one whose name is taken.
    """
    result: dict[str, Kind] = {}
    for module in sorted(pkgutil.iter_modules(places), key=lambda one: one.name):
        if module.name in SHARED:
            continue
        file = f"{Path(package.replace('.', '/'))}/{module.name}.py"
        one = _kind(f"{package}.{module.name}", file)
        if one.name in result:
            raise _wrong(file, f"there is a kind {one.name} already")
        result[one.name] = one
    return tuple(result.values())


def _kind(module: str, file: str) -> Kind:
    try:
        loaded = importlib.import_module(module)
    except Exception as error:
        raise _wrong(file, " ".join(f"{type(error).__name__}: {error}".split())) from error
    found = [value for value in vars(loaded).values() if isinstance(value, Kind)]
    own = list({id(one): one for one in found}.values())
    if len(own) != 1:
        raise _wrong(file, f"must define one Kind, has {len(own)}")
    return own[0]


def _wrong(file: str, what: str) -> LocalError:
    return LocalError(f"{file}: {what}", hint="mpcgov/kinds/kind.py says what a kind must have", code="kind")
