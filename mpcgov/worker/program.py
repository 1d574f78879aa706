"""Loads a protocol's program: the file whose digest everybody approved, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

from mpcgov import registry
from mpcgov.errors import InternalError, Refused
from mpcgov.spec.ids import short


class Program(Protocol):
    """What `program.py` defines: secret inputs to secret tables.

    Of counts: inputs by party to tables by name. Of linked rows: these to numbers by `table.name`, in places.
    """

    def run(self, inputs: Any, params: Mapping[str, Any]) -> Awaitable[dict[str, Any]]: ...


def load(folder: Path, expected_digest: str) -> Program:
    """The program in a protocol's folder.

    Raises:
        Refused: the folder isn't the version that the job pins.
    """
    files = registry.read_folder(folder)
    found = registry.digest(files)
    if found != expected_digest:
        raise Refused(
            f"protocol {folder.name} here is {short(found)}, the job pins {short(expected_digest)}",
            hint="install the version that the job names",
            code="protocol-digest",
        )
    path = folder / "program.py"
    module = ModuleType(f"mpcgov_program_{folder.name.replace('-', '_')}")
    exec(compile(files["program.py"], str(path), "exec"), module.__dict__)  # noqa: S102 - the bytes digested above
    if not callable(getattr(module, "run", None)):
        raise InternalError(f"{path}: defines no run()")
    return cast(Program, module)
