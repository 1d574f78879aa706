"""Every way to write the path of a file in a small folder with links: two names of one file are one source."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpcgov.spec import places

STEPS = (".", "..", "sub", "here", "people.csv", "soft.csv", "hard.csv", "other.csv")
LONGEST = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    for path in (home / "people.csv", home / "other.csv", home / "sub" / "people.csv"):
        path.write_text("id\na\n", encoding="utf-8")
    os.link(home / "people.csv", home / "hard.csv")
    os.link(home / "people.csv", home / "sub" / "hard.csv")
    (home / "soft.csv").symlink_to("people.csv")
    (home / "here").symlink_to("sub")
    return home


def paths(home: Path) -> Iterator[str]:
    """All that lead to a file, relative and absolute."""
    for steps in (one for size in range(LONGEST) for one in itertools.product(STEPS, repeat=size + 1)):
        text = "/".join(steps)
        if (home / text).is_file():
            yield text
            yield f"{home}/{text}"


def mistaken(home: Path) -> int:
    """How many of all paths are told wrongly from, or taken wrongly for, one of three files."""
    found = 0
    for one in ("people.csv", "other.csv", "sub/people.csv"):
        first = places.place(one, home)
        found += sum(
            first.meets(places.place(text, home)) != (home / one).samefile(home / text) for text in paths(home)
        )
    return found


def test_one_file_is_one_source_however_it_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a register has as many ledgers as its file has names."""
    assert sum(1 for _ in paths(folder)) == 96
    assert mistaken(folder) == 0
    monkeypatch.setattr(places.os.path, "realpath", os.path.abspath)
    monkeypatch.setattr(places, "_read_from", lambda *_: ())
    assert mistaken(folder) > 0
