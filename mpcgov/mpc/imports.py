"""The one place that imports MPyC, and what is made safe while doing so.

Importing MPyC as it comes parses our argument vector, configures the root logger to stdout, sets MPYC_MAXWORKERS for
our children, replaces the event loop policy and makes a runtime of its own. All of it sits behind one switch of MPyC's,
the one that it uses for building its manual; we set it for the time of the import and nothing of all that happens.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import logging
import os
import sys
import types
import warnings
from collections.abc import Sequence
from typing import Any

from mpcgov.errors import InternalError, SpecError

MPYC_VERSION = "0.11"
"""Exactly this version: we replace parts of its inside, which no other version promises to have."""

_SWITCH = "READTHEDOCS"


class Runtime:
    """What is used of MPyC's runtime, which has no types: for the type checker only."""

    parties: Sequence[Any]
    pid: int
    SecInt: Any
    gather: Any
    np_sgn: Any
    returnType: Any
    _pc_level: int
    _program_counter: list[Any]

    def __init__(self, pid: int, parties: Sequence[Any], options: Any) -> None:
        """As MPyC's does."""


class _Silent:
    """A logging module that says nothing: MPyC logs secret values (`peek`) and writes to the root logger."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


class NoPickle:
    """What MPyC finds where it had pickle: every path of ours uses `codec`, so a call is a fault of ours."""

    @staticmethod
    def dumps(_value: object) -> bytes:
        raise InternalError("a path of MPyC that isn't ours tried to serialise an object")

    @staticmethod
    def loads(_data: object) -> Any:
        raise InternalError("a path of MPyC that isn't ours tried to deserialise an object")


def check_interpreter() -> None:
    """Raise unless this interpreter and environment may run the engine.

    `python -O` removes MPyC's own checks; an MPYC_* variable changes its protocols behind the job's back (MPYC_NOPRSS
    turns off the zero sharings that close its leak); a 32-bit build derives other program counters than its peers.
    """
    if sys.flags.optimize:
        raise SpecError("the engine doesn't run under python -O", hint="start Python without -O and PYTHONOPTIMIZE")
    found = sorted(name for name in os.environ if name.upper().startswith("MPYC_"))
    if found:
        raise SpecError(f"environment variable {found[0]} would change the engine", hint="unset every MPYC_* variable")
    if sys.implementation.name != "cpython" or sys.maxsize != 2**63 - 1:
        raise SpecError("the engine needs a 64-bit CPython", hint="use a 64-bit build of CPython")


def load_mpyc() -> types.SimpleNamespace:
    """MPyC's modules, imported without its side effects, silent, and without pickle.

    Raises SpecError when this interpreter may not run the engine, InternalError when somebody imported MPyC before us.
    """
    if "mpyc" in sys.modules:
        raise InternalError("MPyC was imported before mpcgov could make it safe")
    check_interpreter()
    before = os.environ.get(_SWITCH)
    os.environ[_SWITCH] = "True"
    quiet = logging.NullHandler()
    logging.getLogger().addHandler(quiet)  # with no handler at all, MPyC's first message would install one
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of deprecated names that MPyC imports
            modules = _import()
    finally:
        logging.getLogger().removeHandler(quiet)
        if before is None:
            del os.environ[_SWITCH]
        else:
            os.environ[_SWITCH] = before
    _make_safe(modules)
    return modules


def _import() -> types.SimpleNamespace:
    import mpyc
    import mpyc.asyncoro
    import mpyc.finfields
    import mpyc.runtime
    import mpyc.thresha

    if not mpyc.__version__ == importlib.metadata.version("mpyc") == MPYC_VERSION:
        raise SpecError(f"the engine needs mpyc {MPYC_VERSION}", hint=f"pip install mpyc=={MPYC_VERSION}")
    return types.SimpleNamespace(
        package=mpyc,
        runtime=mpyc.runtime,
        asyncoro=mpyc.asyncoro,
        finfields=mpyc.finfields,
        thresha=mpyc.thresha,
    )


def _make_safe(modules: types.SimpleNamespace) -> None:
    """Take pickle and logging out of MPyC, and give its square roots a fixed number of worker threads: none."""
    for name, module in list(sys.modules.items()):
        if name == "mpyc" or name.startswith("mpyc."):
            if hasattr(module, "logging"):
                vars(module)["logging"] = _Silent()
            if hasattr(module, "pickle"):
                vars(module)["pickle"] = NoPickle()
    modules.finfields.os = types.SimpleNamespace(getenv=lambda _name, _default=None: "0")


def bind_runtime(modules: types.SimpleNamespace, runtime: Any) -> None:
    """Make `runtime` the one that MPyC's modules use; they keep it in globals, hence one job per process."""
    for name, module in list(sys.modules.items()):
        if name.startswith("mpyc.") and hasattr(module, "runtime") and module is not modules.package:
            vars(module)["runtime"] = runtime
