"""Finds the kinds: every module of the package but those named here defines one."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

from mpcgov.errors import LocalError
from mpcgov.kinds.kind import Computed, Kind
from mpcgov.spec.manifest import Local, ParamKind

SHARED = frozenset({"fitting", "footers", "found", "kind", "moments", "noisy"})
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
    if faults := list(_faults(own[0])):
        raise _wrong(file, "; ".join(faults))
    return own[0]


def _faults(kind: Kind) -> Iterator[str]:
    """What of its attributes can't be, for whoever writes a kind."""
    if not (isinstance(kind.name, str) and re.fullmatch(r"[a-z][a-z0-9_]*", kind.name)):
        yield f"name: expected a word such as t_test, found {kind.name!r}"
    for one in fields(Kind):
        value = getattr(kind, one.name)
        wanted = _WANTED.get(str(one.type).partition("[")[0])
        optional = value is None and str(one.type).endswith("| None")
        if wanted is not None and not (wanted[1](value) or optional):
            yield f"{one.name}: expected {wanted[0]}, found {type(value).__name__}"
    if "counts" in kind.local and not (kind.computed is Computed.CELLS and kind.counts and kind.items is None):
        yield "local: over counts a kind is made of the cells' counts and nothing else"
    for name, known in (("local", get_args(Local)), ("params", get_args(ParamKind))):
        unknown = getattr(kind, name) - set(known) if isinstance(getattr(kind, name), frozenset) else ()
        if unknown:
            yield f"{name}: there is no {', '.join(map(str, unknown))}; there are {', '.join(known)}"


_WANTED: dict[str, tuple[str, Callable[[object], bool]]] = {
    "str": ("a text", lambda value: isinstance(value, str)),
    "bool": ("a bool", lambda value: isinstance(value, bool)),
    "frozenset": ("a frozenset", lambda value: isinstance(value, frozenset)),
    "Computed": ("a Computed", lambda value: isinstance(value, Computed)),
    "Callable": ("a function", callable),
}
"""By the types that attributes are annotated with."""


def _wrong(file: str, what: str) -> LocalError:
    return LocalError(f"{file}: {what}", hint="mpcgov/kinds/kind.py says what a kind must have", code="kind")
