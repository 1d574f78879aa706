"""The audit log: whoever edits, deletes, swaps, cuts off or re-signs records is found, with the record's number."""

from __future__ import annotations

import base64
import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgov.clock import RealClock
from mpcgov.errors import InternalError, LocalError, PeerError
from mpcgov.node import home as homes
from mpcgov.node.audit import AuditLog
from mpcgov.node.home import NodeHome
from mpcgov.node.record import RECORD_TYPE
from mpcgov.node.store import Store
from mpcgov.spec.envelope import pae, sign
from mpcgov.spec.ids import digest
from mpcgov.spec.statement import HEAD_TYPE, Head


class Log:
    """A log with a few records, and the database behind it for those who tamper."""

    def __init__(self, home: NodeHome) -> None:
        self.home = home
        self.store = Store(home.state_path)
        self.audit = AuditLog(self.store, home.identity, home.state_path, RealClock())
        for number in range(5):
            self.note(f"event {number}")

    def note(self, event: str) -> None:
        with self.audit.entry() as entry:
            entry.record(event, "abcd-abcd-abcd", party="welfare")

    def sql(self, *statements: str) -> None:
        with sqlite3.connect(self.home.state_path / "node.sqlite") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    def row(self, sequence: int) -> tuple[bytes, str, str]:
        connection = sqlite3.connect(self.home.state_path / "node.sqlite")
        found = connection.execute(
            "SELECT record, hash, signature FROM audit WHERE sequence = ?", (sequence,)
        ).fetchone()
        connection.close()
        return bytes(found[0]), found[1], found[2]

    def replace(self, sequence: int, record: bytes, key: Ed25519PrivateKey | None = None) -> None:
        """Puts another record in a place, with a matching hash, and signed if a key is given."""
        signature = base64.b64encode(key.sign(pae(RECORD_TYPE, record))).decode() if key else self.row(sequence)[2]
        connection = sqlite3.connect(self.home.state_path / "node.sqlite")
        with connection:
            connection.execute(
                "UPDATE audit SET record = ?, hash = ?, signature = ? WHERE sequence = ?",
                (record, digest(record), signature, sequence),
            )
        connection.close()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(homes.init(tmp_path / "tax", "tax", "127.0.0.1:7101"))


def edited(log: Log, sequence: int, event: str = "something else") -> bytes:
    record = json.loads(log.row(sequence)[0])
    record["event"] = event
    return json.dumps(record, separators=(",", ":")).encode()


def edit(log: Log) -> None:
    log.replace(3, edited(log, 3))


def edit_in_the_text_only(log: Log) -> None:
    log.sql("UPDATE audit SET record = replace(record, 'event 2', 'event 9') WHERE sequence = 3")


def delete(log: Log) -> None:
    log.sql("DELETE FROM audit WHERE sequence = 3")


def delete_and_close_the_gap(log: Log) -> None:
    log.sql("DELETE FROM audit WHERE sequence = 3", "UPDATE audit SET sequence = sequence - 1 WHERE sequence > 3")


def swap(log: Log) -> None:
    log.sql(
        "UPDATE audit SET sequence = 99 WHERE sequence = 3",
        "UPDATE audit SET sequence = 3 WHERE sequence = 4",
        "UPDATE audit SET sequence = 4 WHERE sequence = 99",
    )


def cut_off_the_end(log: Log) -> None:
    log.sql("DELETE FROM audit WHERE sequence >= 3")


def cut_off_everything(log: Log) -> None:
    log.sql("DELETE FROM audit")


def sign_with_another_key(log: Log) -> None:
    log.replace(3, edited(log, 3), Ed25519PrivateKey.generate())


def edit_with_the_nodes_key(log: Log) -> None:
    """An insider with the key edits one record, and not all that follow."""
    log.replace(3, edited(log, 3), log.home.identity.signing_key)


def insert_garbage(log: Log) -> None:
    log.replace(3, b"garbage", log.home.identity.signing_key)


@pytest.mark.parametrize(
    ("tamper", "sequence"),
    [
        (edit, 3),
        (edit_in_the_text_only, 3),
        (delete, 3),
        (delete_and_close_the_gap, 3),
        (swap, 3),
        (cut_off_the_end, 3),
        (cut_off_everything, 1),
        (sign_with_another_key, 3),
        (edit_with_the_nodes_key, 4),
        (insert_garbage, 3),
    ],
)
def test_tampering_is_found_and_placed(log: Log, tamper: Callable[[Log], None], sequence: int) -> None:
    assert log.audit.verify() == 5
    tamper(log)
    with pytest.raises(LocalError, match=f"record {sequence} ") as caught:
        log.audit.verify()
    assert caught.value.code == "audit"


def test_a_whole_log_put_back_to_an_earlier_time_is_found_by_its_head(log: Log, tmp_path: Path) -> None:
    connection = sqlite3.connect(log.home.state_path / "node.sqlite")
    backup = sqlite3.connect(tmp_path / "yesterday")
    connection.backup(backup)
    log.note("today")
    backup.backup(connection)
    connection.close()
    backup.close()
    with pytest.raises(LocalError, match="record 6 and all up to 6 are missing"):
        log.audit.verify()


def test_a_missing_head_is_found(log: Log) -> None:
    (log.home.state_path / "audit.head").unlink()
    with pytest.raises(LocalError, match="no signed head"):
        log.audit.verify()


def test_a_head_that_another_key_signed_is_found(log: Log) -> None:
    forged = sign(Head(sequence=3, hash=log.row(3)[1]), HEAD_TYPE, "tax", Ed25519PrivateKey.generate())
    (log.home.state_path / "audit.head").write_bytes(forged.to_bytes())
    with pytest.raises(LocalError, match="signed head"):
        log.audit.verify()


def test_a_head_that_names_another_record_is_found(log: Log) -> None:
    key = log.home.identity.signing_key
    other = sign(Head(sequence=3, hash=digest(b"other")), HEAD_TYPE, "tax", key)
    (log.home.state_path / "audit.head").write_bytes(other.to_bytes())
    with pytest.raises(LocalError, match="record 3 is another than the signed head names"):
        log.audit.verify()


def test_a_record_and_its_change_stand_or_fall_together(log: Log) -> None:
    def fails_half_way() -> None:
        with log.audit.entry() as entry:
            entry.record("never happened")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_half_way()
    assert [record.event for record in log.audit.records()][-1] == "event 4"


def test_nothing_changes_without_a_record(log: Log) -> None:
    with pytest.raises(InternalError, match="without an audit record"), log.audit.entry() as entry:
        entry.tx.exec_driver_sql("DELETE FROM jobs")


def test_a_log_that_takes_no_records_lets_nothing_happen(log: Log) -> None:
    log.sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(PeerError, match="does nothing") as caught, log.audit.entry() as entry:
        entry.record("refused")
    assert caught.value.code == "store"
    log.sql("DROP TRIGGER full")
    log.note("works again")
    assert log.audit.verify() == 6


def test_while_the_head_cant_be_written_nothing_more_happens(log: Log) -> None:
    head = log.home.state_path / "audit.head"
    saved = head.read_bytes()
    head.unlink()
    head.mkdir()
    log.note("recorded, but not yet in the head")
    with pytest.raises((PeerError, LocalError)):
        log.note("must not happen")
    head.rmdir()
    head.write_bytes(saved)
    log.note("works again")
    assert [record.event for record in log.audit.records()][5:] == ["recorded, but not yet in the head", "works again"]
    assert log.audit.verify() == 7


def test_a_running_node_writes_one_head_for_what_it_records_together(log: Log) -> None:
    head, asked = log.home.state_path / "audit.head", list[str]()
    before = head.read_bytes()
    log.audit.gather(lambda: asked.append("soon"))
    log.note("one")
    log.note("two")
    assert (head.read_bytes(), asked) == (before, ["soon"])
    log.audit.settle()
    assert head.read_bytes() != before
    log.note("three")
    assert (log.audit.verify(), asked) == (8, ["soon", "soon"])  # as of a node that is killed before it settles
    log.sql("DELETE FROM audit WHERE sequence >= 7")
    with pytest.raises(LocalError, match="record 7 and all up to 7 are missing"):
        log.audit.verify()


def test_a_head_that_couldnt_be_written_soon_stops_what_comes_after(log: Log) -> None:
    head = log.home.state_path / "audit.head"
    log.audit.gather(lambda: None)
    log.note("recorded, but not yet in the head")
    head.unlink()
    head.mkdir()
    log.audit.settle()
    with pytest.raises((PeerError, LocalError)):
        log.note("must not happen")


def test_daemon_and_operator_append_at_the_same_time(log: Log) -> None:
    def append() -> None:
        store = Store(log.home.state_path)
        audit = AuditLog(store, log.home.identity, log.home.state_path, RealClock())
        for _ in range(10):
            with audit.entry() as entry:
                entry.record("beside")
        store.close()

    threads = [threading.Thread(target=append) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.audit.verify() == 35


def test_a_log_that_goes_on_while_it_is_verified_isnt_cut(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = log.audit.of

    def of(*arguments: object) -> object:
        found = looked_up(*arguments)
        writer = threading.Thread(target=lambda: Log.note(log, "meanwhile"))
        writer.start()
        writer.join()
        return found

    monkeypatch.setattr(log.audit, "of", of)
    assert log.audit.verify() == 5
