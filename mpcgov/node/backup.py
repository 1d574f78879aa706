"""A node's home in one file: what it must not forget and what nobody else has, taken while the node runs. No data.

The file is a tar: first a signed list of its files with their digests, then these. The database is copied as of one
moment; the audit log's head is signed anew for exactly the records in that copy. The file holds the node's keys.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Annotated, Literal

from pydantic import Field

from mpcgov import files, keys
from mpcgov.clock import Clock, RealClock
from mpcgov.errors import LocalError
from mpcgov.node import home as homes
from mpcgov.node import inforce, rotation, snapshot
from mpcgov.node.audit import AuditLog
from mpcgov.node.home import NodeHome
from mpcgov.node.notify.config import SECRETS
from mpcgov.node.store import Store
from mpcgov.spec.codelists import named_files
from mpcgov.spec.envelope import sign
from mpcgov.spec.ids import Digest, PartyId
from mpcgov.spec.load import Frozen
from mpcgov.trust import consortium
from mpcgov.version import __version__

LIST = "backup.json"
LIST_TYPE = "application/vnd.mpcgov.backup+json"
DATABASE = f"{homes.STATE}/{snapshot.FILE}"
HEAD = f"{homes.STATE}/audit.head"
ATTEMPTS = 3
"""How often a home is copied that changes meanwhile."""

_OWN = ("datasets.yaml", "node.yaml", "policy.yaml", consortium.ROSTER_FILE, f"{homes.STATE}/{inforce.FILE}")
_KEYS = tuple(
    f"{folder}/{name}"
    for folder in (keys.FOLDER, rotation.NEXT)
    for name in ("tls.crt", "tls.key", "signing.key", keys.LEDGER_KEY)
)
_FIGURES = "figures"
_RESERVED = frozenset({homes.STATE, keys.FOLDER, rotation.NEXT, SECRETS, LIST})


class Kept(Frozen):
    """One file of a backup, as it was in the home."""

    name: str
    size_bytes: Annotated[int, Field(ge=0)]
    mode: Annotated[int, Field(ge=0, le=0o777)]
    digest: Digest


class Backup(Frozen):
    """What a backup holds: whose home, of when, with how many records in its audit log, and which files."""

    format: Literal[1]
    party: PartyId
    version: str
    made_at: float
    records: Annotated[int, Field(ge=1)]
    files: Annotated[tuple[Kept, ...], Field(strict=False, max_length=10_000)]


def make(home: Path, out: Path, clock: Clock | None = None) -> Backup:
    """Writes a backup of a home; nodes may run in it, and go on meanwhile.

    Raises:
        LocalError: the file is there already, the home isn't in order, or its database is on a server.
    """
    node = homes.load(home)
    if node.config.state is not None:
        raise LocalError(
            f"{home}: its database is on a server",
            hint="back that up with the server's own tools, and this folder with it",
            code="backup",
        )
    if out.exists():
        raise _there_already(out)
    if not (home / DATABASE).exists():
        raise _nothing_yet(home)
    try:
        with tempfile.TemporaryDirectory(prefix=".mpcgov-backup-", dir=out.parent) as folder:
            copy, written = Path(folder) / "home", Path(folder) / "backup.tar"
            records = _stage(node, copy)
            made = Backup(
                format=1, party=node.party, version=__version__, made_at=round((clock or RealClock()).now(), 3),
                records=records, files=tuple(_kept(copy, name) for name in (*names(copy), HEAD, DATABASE)),
            )  # fmt: skip
            _write(made, homes.load(copy), written)
            _place(written, out)
    except OSError as error:
        raise LocalError(f"{out}: can't be written ({error.strerror})", code="file") from None
    return made


def names(home: Path) -> list[str]:
    """The files of a home that a backup holds beside the database and the log's head; `datasets.yaml` comes first."""
    figures = sorted(f"{_FIGURES}/{path.name}" for path in (home / _FIGURES).glob("*.json"))
    secrets = sorted(f"{SECRETS}/{path.name}" for path in (home / SECRETS).glob("[!.]*"))
    wanted = (*_OWN, *_KEYS, *lists_of(home), *figures, *secrets)
    return [name for name in wanted if (home / name).is_file()]


def lists_of(home: Path) -> list[str]:
    """The lists of codes that a home's `datasets.yaml` names and that are in the home."""
    return [name for name in named_files(home / "datasets.yaml") if may_be_list(name)]


def may_be_list(name: str) -> bool:
    """Whether a name can be that of a list of codes in a home, and of nothing else there."""
    parts = PurePosixPath(name).parts
    return (
        name == str(PurePosixPath(*parts))
        and not name.startswith("/")
        and not any(part.startswith(".") for part in parts)
        and name not in _OWN
        and parts[0] not in _RESERVED
    )


def belongs(name: str, lists: list[str]) -> bool:
    """Whether a backup may hold a file of this name; `lists`: of codes, that its `datasets.yaml` names."""
    parts = PurePosixPath(name).parts
    plain = len(parts) == 2 and name == "/".join(parts) and not parts[1].startswith(".")
    figure = plain and parts[0] == _FIGURES and name.endswith(".json")
    return name in (*_OWN, *_KEYS, HEAD, DATABASE, *lists) or figure or (plain and parts[0] == SECRETS)


def _stage(node: NodeHome, copy: Path) -> int:
    """Copies a home, files and database as they are together. Returns the number of records in its log.

    Raises:
        LocalError: it changes all the time, or its log isn't in order.
    """
    for _ in range(ATTEMPTS):
        shutil.rmtree(copy, ignore_errors=True)
        (copy / homes.STATE).mkdir(parents=True, mode=0o700)
        before = _copy_files(node.path, copy)
        # The head is always behind the records, so it is copied before them.
        if (node.path / HEAD).exists():
            _copy(node.path / HEAD, copy / HEAD)
        snapshot.take(node.path / DATABASE, copy / DATABASE)
        if before == {name: files.digest(node.path / name) for name in names(node.path)}:
            return _sealed(node.path, copy)
    raise LocalError(f"{node.path}: it changed while it was copied", hint="try again", code="backup")


def _copy_files(home: Path, copy: Path) -> dict[str, str]:
    found = names(home)
    for name in found:
        _copy(home / name, copy / name)
    return {name: files.digest(copy / name) for name in found}


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(path, to)
    to.chmod(stat.S_IMODE(path.stat().st_mode) & 0o777)


def _sealed(home: Path, copy: Path) -> int:
    """Verifies the log of a home in its copy, and signs its head there for exactly its records."""
    node = homes.load(copy)
    store = Store(node.state_path)
    try:
        log = AuditLog(store, node.identity, node.state_path, RealClock())
        if not (records := log.verify()):
            raise _nothing_yet(home)
        log.write_head()
    finally:
        store.close()
    return records


def _kept(copy: Path, name: str) -> Kept:
    found = (copy / name).stat()
    return Kept(name=name, size_bytes=found.st_size, mode=stat.S_IMODE(found.st_mode), digest=files.digest(copy / name))


def _write(made: Backup, node: NodeHome, path: Path) -> None:
    envelope = sign(made, LIST_TYPE, node.party, node.identity.signing_key).to_bytes()
    with _private(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        _add(archive, LIST, 0o600, made.made_at, io.BytesIO(envelope), len(envelope))
        for kept in made.files:
            with (node.path / kept.name).open("rb") as content:
                _add(archive, kept.name, kept.mode, made.made_at, content, kept.size_bytes)


def _add(archive: tarfile.TarFile, name: str, mode: int, made_at: float, content: IO[bytes], size_bytes: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size_bytes, mode, int(made_at)
    archive.addfile(member, content)


@contextlib.contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _place(written: Path, out: Path) -> None:
    """Gives a file its name, unless there is one of that name."""
    try:
        os.link(written, out)
    except FileExistsError:
        raise _there_already(out) from None
    files.sync(out.parent)


def _nothing_yet(home: Path) -> LocalError:
    return LocalError(f"{home}: nothing is on record yet", hint="start the node once, then back it up", code="backup")


def _there_already(out: Path) -> LocalError:
    return LocalError(f"{out}: there already", hint="name a new file; backups are never overwritten", code="file")
