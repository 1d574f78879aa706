"""Options that many commands share, and the two ways in which an identity is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mpcgov.errors import SpecError

if TYPE_CHECKING:
    from mpcgov.keys import Identity
    from mpcgov.spec.envelope import Envelope

Command = TypeVar("Command", bound=Callable[..., Any])


def home_option(command: Command) -> Command:
    """`--home DIR`: the directory of the identity that acts."""
    kind = click.Path(path_type=Path)
    return click.option(
        "--home", type=kind, default=".", metavar="DIR", help="Home directory of the identity.", show_default="here"
    )(command)


def json_option(command: Command) -> Command:
    """`--json`: for programs. Failures are JSON too; see `mpcgov.cli.main`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, also for a failure.")(command)


def out_options(command: Command) -> Command:
    """`--out FILE` and `--format`: the result to a file, for offices and spreadsheets."""
    kinds = ("json", "csv", "xlsx", "parquet", "sdmx-csv", "px", "html")  # as in `mpcgov.publish`, which loads long
    out = click.option(
        "--out", metavar="FILE", type=click.Path(path_type=Path), help="Write the result to a file instead.",
    )  # fmt: skip
    chosen = click.option(
        "--format", "format_name", type=click.Choice(kinds), help="Of the file; else as its name ends."
    )
    return out(chosen(command))


def verbose_option(command: Command) -> Command:
    """`-v`: failures show their trace. Read by `mpcgov.cli.main` from the arguments, wherever it stands."""
    return click.option("-v", "--verbose", is_flag=True, expose_value=False, help="Show the trace of a failure.")(
        command
    )


def file_argument(name: str, metavar: str) -> Callable[[Command], Command]:
    """A file that must be named; whether it can be read is said by whoever reads it."""
    return click.argument(name, metavar=metavar, type=click.Path(path_type=Path))


def require_readable(file: Path) -> None:
    """Nothing, if a file can be opened: before all that it is for is loaded.

    Raises:
        SpecError: it can't.
    """
    try:
        file.open("rb").close()
    except OSError as error:
        raise SpecError(f"{file}: can't be read ({error.strerror})", code="file") from None


class Group(click.Group):
    """A group whose commands all take `-v`, listed in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order in which they were added."""
        return list(self.commands)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Adds a command or another group."""
        if not isinstance(cmd, click.Group):
            verbose_option(cmd)
        super().add_command(cmd, name)


def identity_at(home: Path, roster: Envelope | None = None) -> Identity:
    """The identity whose home this is: a coordinator's or a party's; of a party with new keys those in the roster.

    Raises:
        LocalError: it is nobody's.
    """
    from mpcgov.coordinator import home as coordinator_home
    from mpcgov.node import home as node_home
    from mpcgov.node import rotation
    from mpcgov.trust import consortium

    if (home / coordinator_home.CONFIG_FILE).exists():
        return coordinator_home.load(home).identity
    node = node_home.load(home)
    return node.identity if roster is None else rotation.identity_in(node, consortium.read_roster(roster))
