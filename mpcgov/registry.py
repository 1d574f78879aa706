"""Finds protocol folders and digests them, and digests the engine itself; never imports a program.

A protocol is a folder on this machine's disk. Nobody sends code: a job names a protocol and its digest, and a node
that has something else under that name refuses.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Mapping
from functools import cache, partial
from importlib import metadata
from pathlib import Path

from mpcgov import kinds
from mpcgov.errors import LocalError, SpecError
from mpcgov.spec.load import load_yaml
from mpcgov.spec.manifest import Manifest, Protocol

PACKAGE = Path(__file__).parent
BESIDE_THE_CODE = frozenset({"protocols", "examples"})
"""What an installed package holds besides its code; in a checkout it lies next to the package."""

ENGINE_LIBRARIES = ("mpyc", "numpy", "gmpy2", "pyarrow")  # pyarrow normalises keys: other Unicode tables, other keys


def folders() -> list[Path]:
    """Where protocols are looked for: in the installed package, else beside it in a checkout."""
    inside, beside = PACKAGE / "protocols", PACKAGE.parent / "protocols"
    return [folder for folder in (inside, beside) if folder.is_dir()][:1]


def names() -> list[str]:
    """The protocols on this disk, sorted: folders with a program. A reference alone can be read, not run."""
    found = {path.parent.name for folder in folders() for path in folder.glob("*/program.py")}
    return sorted(found)


def find(name: str, first: Path | None = None) -> Protocol:
    """The protocol of that name, freshly read and digested; `first`: a folder of protocols to look in before others.

    Raises:
        LocalError: it isn't on this disk. SpecError: its manifest is broken.
    """
    return read(folder_of(name, first))


def folder_of(name: str, first: Path | None = None) -> Path:
    """Where the protocol of that name is on this disk; see `find`.

    Raises:
        LocalError: nowhere.
    """
    if first is not None and (first / name / "program.py").is_file():
        return first / name
    for folder in folders() if Path(name).name == name else ():
        if all((folder / name / file).is_file() for file in ("program.py", "manifest.yaml")):
            return folder / name
    raise LocalError(
        f"protocol {name}: not on this machine", hint=f"known: {', '.join(names()) or 'none'}", code="protocol"
    )


def manifest_of(name: str) -> Manifest:
    """What the protocol of that name declares, freshly read; for who has compared its digest.

    Raises:
        LocalError: it isn't on this disk. SpecError: its manifest is broken.
    """
    return _manifest(folder_of(name))


def read(folder: Path) -> Protocol:
    """The protocol in a folder.

    Raises:
        SpecError: its manifest is missing, broken, or names another id than the folder.
    """
    manifest = _manifest(folder)
    return Protocol(folder, digest(read_folder(folder)), manifest)


def _manifest(folder: Path) -> Manifest:
    manifest = load_yaml(folder / "manifest.yaml", Manifest)
    if manifest.id != folder.resolve().name:
        raise LocalError(f"{folder}: the manifest's id is {manifest.id}", hint="name the folder after the protocol")
    if faults := kinds.faults(manifest):
        raise SpecError([f"{folder / 'manifest.yaml'}: {fault}" for fault in faults], code="protocol")
    return manifest


def read_folder(folder: Path, leave_out: frozenset[str] = frozenset()) -> dict[str, bytes]:
    """A folder's files by relative path, sorted.

    Caches (`__pycache__`) and hidden files don't count, nor do the subfolders in `leave_out`; nothing else is left out.

    Raises:
        LocalError: a folder in it is a link, whose files would be run but not found here, or something can't be read.
    """
    files = {}
    try:
        for root, folders, names in os.walk(folder, onerror=_raise):
            out = leave_out if root == os.fspath(folder) else frozenset[str]()
            folders[:] = [name for name in folders if _counts(name, out)]
            for name in [*folders, *filter(partial(_counts, leave_out=out), names)]:
                path = Path(root, name)
                if name not in folders and path.is_file():
                    files[path.relative_to(folder).as_posix()] = path.read_bytes()
                elif path.is_symlink():
                    raise LocalError(f"{path}: is a link", hint="put the folder itself there", code="protocol")
    except OSError as error:
        what = f"{error.filename or folder}: can't be read ({type(error).__name__})"
        raise LocalError(what, hint="let mpcgov's user read the whole folder", code="protocol") from None
    return dict(sorted(files.items()))


def _raise(error: OSError) -> None:
    """Without it a folder that can't be listed would be left out of the digest."""
    raise error


def _counts(name: str, leave_out: frozenset[str]) -> bool:
    return name != "__pycache__" and not name.startswith(".") and name not in leave_out


def digest(files: Mapping[str, bytes]) -> str:
    """The SHA-256 over files: each one's path, length and bytes, in the order given."""
    total = hashlib.sha256()
    for path, data in files.items():
        name = path.encode()
        total.update(b"%d:%b%d:" % (len(name), name, len(data)))
        total.update(data)
    return "sha256:" + total.hexdigest()


@cache
def engine_digest() -> str:
    """The SHA-256 over everything but the protocol that must be the same at every party.

    That is mpcgov's own code, the versions of the libraries that compute, Python's version and the architecture
    (MPyC's program counters are hashes of tuples). Taken once per process: it is what this process runs.
    """
    # Not only *.py: a compiled module of the same name beside one would be imported in its place.
    total = hashlib.sha256(digest(read_folder(PACKAGE, leave_out=BESIDE_THE_CODE)).encode())
    for library in ENGINE_LIBRARIES:
        total.update(f"{library}=={metadata.version(library)}\n".encode())
    total.update(f"{sys.implementation.name} {sys.version_info[:2]} {platform.machine()}".encode())
    return "sha256:" + total.hexdigest()
