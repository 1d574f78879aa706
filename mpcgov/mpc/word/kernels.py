"""Compiled kernels: where numba may keep its cache, and the decorator that every kernel has.

Numba's cache is pickle: whoever can write to it runs code in the process that reads it. So it lies in a directory of
the user's own that nobody else can enter, and numba is only imported after its place is fixed. A forked process has
kernels, numba and its place from the one that it was forked from.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mpcgov.errors import InternalError, SpecError

F = TypeVar("F", bound=Callable[..., Any])
WRITABLE = "give HOME or XDG_CACHE_HOME a place to write to"


def cache_directory() -> Path:
    """The user's own directory for compiled kernels, made if it isn't there.

    It lies in XDG_CACHE_HOME, else in HOME's `.cache`, else, if that can't be, in the directory for temporary files.

    Raises SpecError if it, or any directory on the way from there to it, is a link, belongs to somebody else, or can be
    entered by others; or if others could put another in its place, because the place is somebody else's (not even the
    superuser's), or can be written by others and has no sticky bit.
    """
    named = os.environ.get("XDG_CACHE_HOME")
    if named:
        return _made(Path(named), "mpcgov", "kernels")
    with contextlib.suppress(SpecError, RuntimeError):  # no home, or one that others can write to
        return _made(Path.home() / ".cache", "mpcgov", "kernels")
    return _made(Path(tempfile.gettempdir()), f"mpcgov-{os.geteuid()}", "kernels")


def _made(base: Path, *names: str) -> Path:
    if not base.is_absolute():
        raise SpecError(f"the cache directory {base} is no absolute path", hint="unset XDG_CACHE_HOME or correct it")
    folder = base
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_base(base)
        for name in names:
            folder /= name
            folder.mkdir(mode=0o700, exist_ok=True)
            _check_own(folder)
    except OSError:
        raise SpecError(f"{folder} can't be made", hint=WRITABLE) from None
    return folder


def _check_base(path: Path) -> None:
    """Raise if anybody but us and the superuser can rename or remove what we have in `path`."""
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()):
        raise SpecError(f"{path} is somebody else's directory", hint="set XDG_CACHE_HOME to one of your own")
    if found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
        raise SpecError(f"others can write to {path}", hint=f"chmod go-w {path}, or set XDG_CACHE_HOME to another")


def _check_own(path: Path) -> None:
    """Raise unless `path` is a directory of ours that nobody else can enter."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise SpecError(f"{path} isn't a directory of your own", hint=f"remove {path}: what is in it may be another's")


def _load_numba() -> Any:
    """Numba with its cache in our directory, whatever the environment says, or a `.numba_config.yaml` where we were
    started: numba reads that file again whenever it compiles, but what the environment names goes before it.
    """
    wanted = {"CACHE_DIR": str(cache_directory()), "CACHE_LOCATOR_CLASSES": ""}
    if "numba" not in sys.modules:
        os.environ |= {f"NUMBA_{name}": value for name, value in wanted.items()}
    import numba

    if any(getattr(numba.config, name, "") != value for name, value in wanted.items()):
        raise InternalError("numba was imported before mpcgov could give its cache a safe place")
    return numba


_numba = _load_numba()
_event = _numba.core.event


def kernel(signature: str) -> Callable[[F], F]:
    """Compile a function of machine words for exactly one signature, without threads, from the cache if it is there.

    Arrays are C-contiguous and writable by their signature; no bounds are checked inside, so callers check shapes.
    """

    def compiled(function: F) -> F:
        try:
            with _locked(function, fcntl.LOCK_SH), _loading(function):
                return _jit(function, signature)
        except _NotCached:
            with _locked(function, fcntl.LOCK_EX):  # whoever waited here takes it from the cache, too
                return _jit(function, signature)

    return compiled


def _jit(function: F, signature: str) -> F:
    fast: F = _numba.njit(signature, cache=True, boundscheck=False)(function)
    return fast


@contextmanager
def _loading(function: Callable[..., Any]) -> Iterator[None]:
    """In this block numba loads what is in the cache, and compiles nothing: what knows how to isn't looked for.

    For all that a compiled function could use, numba goes through hundreds of declarations before it looks into the
    cache: a third of what loading all kernels takes. It needs nothing of that but the support for arrays that a kernel
    makes.
    """
    context = _numba.core.registry.cpu_target.target_context
    _numba.core.runtime.rtsys.initialize(context)
    with _event.install_listener("numba:compile", _LoadOnly(function)):
        context.refresh = lambda: None
        try:
            yield
        finally:
            vars(context).pop("refresh", None)  # another thread may have left its own block


class _NotCached(Exception):
    """A kernel isn't in the cache."""


class _LoadOnly:
    """Stops numba where it begins to compile a function because the cache doesn't have it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def notify(self, event: Any) -> None:
        if event.is_start and event.data["dispatcher"].py_func is self._function:
            raise _NotCached


_event.Listener.register(_LoadOnly)


@contextmanager
def _locked(function: Callable[..., Any], how: int) -> Iterator[None]:
    """Hold the lock of one kernel: any number of processes of ours load it at a time, or one compiles it.

    A load must not meet a save: numba replaces each file at once, but a kernel's index before its code, and until then
    the new index names the code of an older source.
    """
    path = cache_directory() / f"{function.__module__}.{function.__qualname__}.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:  # a file system that is read-only, or full
        raise SpecError(f"{path} can't be opened: {error.strerror}", hint=WRITABLE) from None
    try:
        fcntl.flock(lock, how)
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)  # closed alone, it would stay with a process that was forked meanwhile
        os.close(lock)


inlined: Callable[[F], F] = _numba.njit(inline="always")
"""Compile a function only as a part of the kernels that call it."""
