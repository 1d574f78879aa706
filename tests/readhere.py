"""What is read of an agency's data for its own people, read in the tests' process, where commands and nodes start one
that loads a data engine."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch as patched

import pytest

from mpcgov.cli import dataset
from mpcgov.errors import MpcgovError
from mpcgov.node import overlaps

_ONE_AT_A_TIME = threading.Lock()


def here(patch: pytest.MonkeyPatch) -> None:
    """From now on, by this process and copies of it."""
    for module in (overlaps, dataset):
        patch.setattr(module, "subprocess", SimpleNamespace(run=_answered, DEVNULL=subprocess.DEVNULL))


def _answered(command: list[str], input: bytes = b"", **_: object) -> subprocess.CompletedProcess[bytes]:  # noqa: A002
    """As `python -P -m mpcgov.worker.…` would."""
    name, *arguments = command[command.index("-m") + 1 :]
    module, said = importlib.import_module(name), dict[str, Any]()

    def answer(find: Callable[[], dict[str, Any]]) -> None:
        try:
            said.update(find())
        except MpcgovError as error:
            said["error"] = error.to_json()

    # The module's own alone: whoever forks meanwhile, or is another node's thread, has the process as it is.
    own = {"argv": [name, *arguments], "stdin": SimpleNamespace(buffer=io.BytesIO(input))}
    given = SimpleNamespace(**vars(sys) | own)
    with _ONE_AT_A_TIME, patched.object(module, "answer", answer), patched.object(module, "sys", given):
        module.main()
    return subprocess.CompletedProcess(command, 0, json.dumps(said).encode())
