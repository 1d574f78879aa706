"""Loads a protocol's program: the file whose digest everybody approved, if it keeps to the language of programs."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from pathlib import Path
from traceback import walk_tb
from types import ModuleType, TracebackType
from typing import Any, Protocol, cast

from mpcgov import registry
from mpcgov.errors import PROGRAM, MpcgovError, Refused, SpecError, one_line
from mpcgov.protocol import language
from mpcgov.spec.ids import short

PUBLIC_FACTS = frozenset({"mpcgov.mpc.arrays", "mpcgov.mpc.functions", "mpcgov.mpc.misuse"})
"""Modules whose complaints are of shapes, bounds and uses, so that an author may be told them word for word."""


class Program(Protocol):
    """What `program.py` defines: secret inputs to secret tables.

    Of counts: inputs by party to tables by name. Of linked rows: these to numbers by `table.name`, in places.
    """

    def run(self, inputs: Any, params: Mapping[str, Any]) -> Awaitable[dict[str, Any]]: ...


async def answer(program: Program, inputs: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """What a program returns.

    Raises:
        SpecError: its author made a mistake: with the line, and what is wrong there. Others pass as they are.
    """
    try:
        return await program.run(inputs, params)
    except Exception as error:
        mistake = _mistake(error, program.run.__code__.co_filename)
        if mistake is None:
            raise
        raise SpecError(mistake, code=PROGRAM) from None


def _mistake(error: Exception, name: str) -> str | None:
    """Where a program went wrong, and how; None if something else did.

    All that a program itself can put into a text is public. What is raised further down could hold a value, or be about
    the job: it is told only if it comes from where secret arrays are built.
    """
    trace: TracebackType | None = error.__traceback__
    frames = [(frame, line) for frame, line in walk_tb(trace)]
    lines = [line for frame, line in frames if frame.f_code.co_filename == name]
    if not lines:
        return None
    last = frames[-1][0]
    text = error.message if isinstance(error, MpcgovError) else one_line(error)
    if last.f_code.co_filename == name:
        return f"{name}:{lines[-1]}: {type(error).__name__}: {text}".removesuffix(": ")
    return f"{name}:{lines[-1]}: {text}" if last.f_globals.get("__name__") in PUBLIC_FACTS else None


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
