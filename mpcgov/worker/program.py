"""Loads a protocol's program: the file whose digest everybody approved, if it keeps to the language of programs."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

from mpcgov import registry
from mpcgov.errors import Refused
from mpcgov.protocol import language
from mpcgov.spec.ids import short


class Program(Protocol):
    """What `program.py` defines: secret inputs to secret tables.

    Of counts: inputs by party to tables by name. Of linked rows: these to numbers by `table.name`, in places.
    """

    def run(self, inputs: Any, params: Mapping[str, Any]) -> Awaitable[dict[str, Any]]: ...


def load(folder: Path, expected_digest: str) -> Program:
    """The program in a protocol's folder.

    Raises:
        Refused: the folder isn't the version that the job pins; or it does what programs mustn't, whoever approved it.
    """
    files = registry.read_folder(folder)
    found = registry.digest(files)
    if found != expected_digest:
        raise Refused(
            f"protocol {folder.name} here is {short(found)}, the job pins {short(expected_digest)}",
            hint="install the version that the job names",
            code="protocol-digest",
        )
    source, name = files.get("program.py", b""), f"{folder.name}/program.py"
    faults = language.faults(source, name)
    if faults:
        hint = "`mpcgov protocol check` tells all of it, and mpcgov/protocol/language.py what programs may use"
        raise Refused("; ".join(faults[:3]), hint=hint, code="program")
    module = ModuleType(f"mpcgov_program_{folder.name.replace('-', '_')}")
    module.__dict__["__builtins__"] = language.own_builtins()
    # Text, not bytes: in bytes a line may name another encoding, and Python would read other code than was checked.
    code = compile(source.decode("utf-8"), name, "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 - what was digested and checked above
    return cast(Program, module)
