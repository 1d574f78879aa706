"""What the digests cover: whatever Python would run in a file's place counts too."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.errors import LocalError
from mpcgov.worker import program
from tests.patience import LONG_S


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package."""
    folder = tmp_path_factory.mktemp("copied")
    shutil.copytree(registry.PACKAGE, folder / "mpcgov", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def digest_in(folder: Path) -> str:
    command = [sys.executable, "-c", "from mpcgov import registry; print(registry.engine_digest())"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=LONG_S).stdout


@pytest.fixture(scope="module")
def digest_of_copied(copied: Path) -> str:
    return digest_in(copied)


@pytest.mark.parametrize("name", [f"opening{EXTENSION_SUFFIXES[0]}", "worker/clear.so", "spec/new.pyc", "data.json"])
def test_a_file_that_python_would_load_instead_changes_the_digest_of_the_engine(
    copied: Path, digest_of_copied: str, name: str
) -> None:
    path = copied / "mpcgov" / name
    path.write_bytes(b"")
    assert digest_in(copied) != digest_of_copied
    path.unlink()


def test_a_linked_folder_in_a_protocol_is_refused(tmp_path: Path) -> None:
    """Its files would be found by Python, but by no walk through the folder."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "protocol").mkdir()
    (tmp_path / "protocol" / "inside").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LocalError, match="is a link"):
        registry.read_folder(tmp_path / "protocol")


@pytest.mark.parametrize("unreadable", ["inside", "inside/opening.py"])
def test_what_cant_be_read_is_not_left_out_of_the_digest(
    unreadable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/opening.py").write_text("")

    def denied(original: Any) -> Any:
        def ask(path: Any) -> Any:
            if os.fspath(path) == str(tmp_path / unreadable):
                raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
            return original(path)

        return ask

    monkeypatch.setattr(os, "scandir", denied(os.scandir))
    monkeypatch.setattr(Path, "read_bytes", denied(Path.read_bytes))
    with pytest.raises(LocalError, match=rf"{unreadable}: can't be read \(PermissionError\)"):
        registry.read_folder(tmp_path)


def test_the_program_that_runs_is_the_one_that_was_digested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes after it was digested, and before it is run."""
    folder = tmp_path / "made-up"
    folder.mkdir()
    path = folder / "program.py"
    path.write_text("async def run(inputs, params): return 'digested'")
    pinned = registry.digest(registry.read_folder(folder))
    original = registry.digest

    def slow(files: dict[str, bytes]) -> str:
        path.write_text("async def run(inputs, params): return 'another'")
        return original(files)

    monkeypatch.setattr(registry, "digest", slow)
    assert asyncio.run(program.load(folder, pinned).run({}, {})) == "digested"


@pytest.mark.parametrize("library", ["mpyc", "numpy", "gmpy2", "pyarrow"])
def test_another_version_of_a_library_that_computes_or_normalises_keys_is_another_engine(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = registry.metadata.version
    own = registry.engine_digest.__wrapped__()
    monkeypatch.setattr(registry.metadata, "version", lambda name: "0.0" if name == library else version(name))
    assert registry.engine_digest.__wrapped__() != own
