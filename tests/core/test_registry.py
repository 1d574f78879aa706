"""What the digests cover: whatever Python would run in a file's place counts too."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from mpcgov import registry


@pytest.mark.parametrize("name", [f"opening{EXTENSION_SUFFIXES[0]}", "worker/clear.so", "spec/new.pyc", "data.json"])
def test_a_file_that_python_would_load_instead_changes_the_digest_of_the_engine(tmp_path: Path, name: str) -> None:
    shutil.copytree(registry.PACKAGE, tmp_path / "mpcgov", ignore=shutil.ignore_patterns("__pycache__"))
    code = "from mpcgov import registry; print(registry.engine_digest())"

    def digest() -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30).stdout

    before = digest()
    (tmp_path / "mpcgov" / name).write_bytes(b"")
    assert digest() != before
