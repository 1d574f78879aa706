"""A file that is replaced holds what one writer wrote, however many write it at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mpcgov import files


def test_two_threads_that_replace_one_file_dont_meet_in_a_file_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, first = tmp_path / "policy.json", threading.Event()
    written, go_on, failed = threading.Event(), threading.Event(), []

    def held_up(descriptor: int) -> None:
        if not first.is_set():
            first.set()
            written.set()
            go_on.wait()

    def replace() -> None:
        try:
            files.replace(path, b"slow")
        except Exception as error:
            failed.append(error)

    monkeypatch.setattr(files.os, "fsync", held_up)
    slow = threading.Thread(target=replace)
    slow.start()
    written.wait()
    files.replace(path, b"quick")
    assert path.read_bytes() == b"quick"
    go_on.set()
    slow.join()
    assert failed == []
    assert path.read_bytes() == b"slow"
    assert list(tmp_path.iterdir()) == [path]
