"""A home from a backup: everything is verified in a folder beside, which then gets the home's name in one step.

What a backup holds is somebody's file until then: only names that a home has are taken, no links, no owners, and
every byte is accounted for. The restored log says at its end that it was restored; what follows from that is in
`mpcgov.node.restored`.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mpcgov import files
from mpcgov.clock import Clock, RealClock
from mpcgov.errors import LocalError, PeerError, SpecError
from mpcgov.node import home as homes
from mpcgov.node import snapshot
from mpcgov.node.audit import AuditLog
from mpcgov.node.backup import DATABASE, HEAD, LIST, LIST_TYPE, Backup, Kept, belongs, lists_of
from mpcgov.node.home import NodeHome
from mpcgov.node.restored import RESTORED
from mpcgov.node.store import Store
from mpcgov.spec.envelope import Envelope, verify
from mpcgov.spec.load import parse_json

LIST_LIMIT_BYTES = 8 << 20
CHUNK_BYTES = 1 << 20
NEEDED = ("node.yaml", "keys/tls.crt", "keys/tls.key", "keys/signing.key", HEAD, DATABASE)


def restore(home: Path, source: Path, clock: Clock | None = None) -> Backup:
    """Puts the home that a backup holds in place, where there must be none.

    Raises:
        LocalError: there is a home already, or the backup isn't whole; then nothing was put in place.
    """
    home = home.absolute()
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise LocalError(
            f"{home}: something is there already", hint="move it away first; a home is never overwritten", code="backup"
        )
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{home.name}.restoring-", dir=home.parent))
    except OSError as error:
        raise LocalError(f"{home}: can't be made ({error.strerror})", code="file") from None
    try:
        made = _checked(beside, _unpack(source, beside), files.digest(source), clock or RealClock())
        _on_disk(beside)
        beside.rename(home)
        files.sync(home.parent)
    except OSError as error:
        raise LocalError(f"{home}: can't be written ({error.strerror})", code="file") from None
    except PeerError as error:
        raise LocalError(error.message, hint=error.hint, code="backup") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return made


def _unpack(source: Path, into: Path) -> Envelope:
    """Writes the files of a backup into an empty folder, each as the list at its start says; the list."""
    try:
        with source.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            members = _members(archive, file)
            found = _list(archive, next(members, None), source)
            lists: list[str] = []
            for kept in _read(found).files:
                _extract(archive, next(members, None), kept, into, lists)
                if kept.name == "datasets.yaml":
                    lists = lists_of(into)
            if (more := next(members, None)) is not None:
                raise _wrong(more.name, "is not in its list")
    except tarfile.TarError:
        raise LocalError(f"{source}: no backup of a node, or a damaged one", code="backup") from None
    return found


def _read(listed: Envelope) -> Backup:
    try:
        return parse_json(listed.body, Backup, LIST, LIST_LIMIT_BYTES)
    except SpecError:
        raise _wrong(LIST, "can't be read") from None


def _members(archive: tarfile.TarFile, file: IO[bytes]) -> Iterator[tarfile.TarInfo]:
    """What stands in the archive, one after the other, with nothing in between and nothing after it."""
    before, name = 0, "its start"
    for member in archive:
        _require_nothing(file, before, member.offset, name)
        before, name = member.offset_data + member.size, member.name
        yield member
    _require_nothing(file, before, None, name)


def _require_nothing(file: IO[bytes], start: int, end: int | None, name: str) -> None:
    here = file.tell()
    file.seek(start)
    left = None if end is None else end - start
    while left != 0 and (data := file.read(min(CHUNK_BYTES, left) if left is not None else CHUNK_BYTES)):
        if data.strip(b"\0"):
            raise LocalError(f"backup: something stands after {name}", hint="take another backup", code="backup")
        left = None if left is None else left - len(data)
    file.seek(here)


def _list(archive: tarfile.TarFile, member: tarfile.TarInfo | None, source: Path) -> Envelope:
    if member is None or member.name != LIST or not member.isreg() or member.size > LIST_LIMIT_BYTES:
        raise LocalError(f"{source}: no backup of a node", hint=f"it doesn't begin with {LIST}", code="backup")
    found = archive.extractfile(member)
    try:
        return parse_json(found.read() if found else b"", Envelope, LIST, LIST_LIMIT_BYTES)
    except SpecError:
        raise _wrong(LIST, "can't be read") from None


def _extract(
    archive: tarfile.TarFile, member: tarfile.TarInfo | None, kept: Kept, into: Path, lists: list[str]
) -> None:
    """Writes one file, with its permissions; it has its digest, or is named. `lists`: of codes, that may be in it."""
    if not belongs(kept.name, lists):
        raise _wrong(kept.name, "is no file of a node's home")
    if member is None or (member.name, member.size, member.mode) != (kept.name, kept.size_bytes, kept.mode):
        raise _wrong(kept.name, f"is missing, or not as {LIST} has it")
    if not member.isreg():
        raise _wrong(kept.name, "is not a file")
    archive.extract(member, into, filter="data")
    path = into / kept.name
    if files.digest(path) != kept.digest:
        raise _wrong(kept.name, "is damaged: it isn't what was written")
    path.chmod(kept.mode)


def _checked(home: Path, listed: Envelope, digest: str, clock: Clock) -> Backup:
    """The backup, once the home in it is in order: keys, list, database, log; the log says from then on what it is."""
    made = _read(listed)
    if missing := [name for name in NEEDED if not (home / name).exists()]:
        raise _wrong(missing[0], "is missing")
    node = homes.load(home)
    _require_signed(listed, made, node)
    snapshot.require_whole(home / DATABASE)
    store = Store(node.state_path)
    try:
        log = AuditLog(store, node.identity, node.state_path, clock)
        if log.verify() != made.records:
            raise _wrong(DATABASE, f"has another number of audit records than {made.records}")
        with log.entry() as entry:
            entry.record(RESTORED, backup=digest, made_at=made.made_at, records=made.records)
        log.write_head()
    finally:
        store.close()
    return made


def _require_signed(listed: Envelope, made: Backup, node: NodeHome) -> None:
    try:
        verify(listed, LIST_TYPE, node.party, node.identity.public_key)
    except SpecError:
        raise _wrong(LIST, "was not signed with the keys in the backup") from None
    if made.party != node.party:
        raise _wrong(LIST, f"is of {made.party}, and node.yaml of {node.party}")


def _on_disk(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        files.sync(path)


def _wrong(name: str, what: str) -> LocalError:
    return LocalError(f"backup: {name} {what}", hint="take another backup", code="backup")
