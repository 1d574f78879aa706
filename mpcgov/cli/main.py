"""`mpcgov`: the group of all commands, and the one place where failures become a line and an exit status."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from click.exceptions import NoArgsIsHelpError

from mpcgov.cli.bench import bench
from mpcgov.cli.consortium import card, consortium, coordinator
from mpcgov.cli.job import job, verify
from mpcgov.cli.node import node
from mpcgov.cli.options import Group, verbose_option
from mpcgov.cli.pages import console
from mpcgov.cli.protocol import protocol
from mpcgov.cli.render import plain, print_json
from mpcgov.cli.schedule import schedule
from mpcgov.cli.simulate import demo, simulate
from mpcgov.cli.upkeep import backup, notify, restore
from mpcgov.errors import InternalError, LocalError, MpcgovError
from mpcgov.version import __version__

COMPLETE = "_MPCGOV_COMPLETE"
"""The variable by which a shell asks; see docs/operations.md."""

INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended."""


class Catalogue(Group):
    """Shows every command of every group in one list, in the order in which they are used."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list."""
        formatter.width = max(formatter.width, 100)
        for title, names in SECTIONS:
            with formatter.section(title):
                commands = [entry for name in names for entry in _leaves(self.commands[name], name, ctx)]
                formatter.write_dl(commands, col_max=46)


SECTIONS = (
    ("Try it", ("demo", "simulate")),
    ("What can be computed", ("protocol",)),
    ("How quick it is", ("bench",)),
    ("Agree on who takes part", ("coordinator", "card", "consortium")),
    ("An agency's node", ("node",)),
    ("The coordinator's jobs", ("job",)),
    ("Anybody's proof", ("verify",)),
)


@click.group(cls=Catalogue, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="%(prog)s %(version)s")
@verbose_option
def cli() -> None:
    """Joint statistics over registers that agencies may not pool.

    Results go to stdout, everything else to stderr. An identity's files are in its home directory: --home DIR.

    Exit status: 0 done, 1 our bug, 2 bad job, configuration or data, 3 refused, 4 a party failed or it is too early.
    """


for command in (backup, restore, notify):
    node.add_command(command)
job.add_command(schedule)
coordinator.add_command(console)
for command in (demo, simulate, protocol, bench, coordinator, card, consortium, node, job, verify):
    cli.add_command(command)


def main() -> None:
    """The entry point; a shell that completes a command line asks here, too."""
    if asked := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(cli, {}, "mpcgov", COMPLETE, asked))
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; gives its exit status."""
    with _failures_shown("--json" in arguments, bool({"-v", "--verbose"} & set(arguments))) as statuses:
        with cli.make_context("mpcgov", list(arguments)) as context:
            cli.invoke(context)
        sys.stdout.flush()
        statuses.append(0)
    return statuses[-1]


@contextlib.contextmanager
def _failures_shown(as_json: bool, verbose: bool) -> Iterator[list[int]]:
    """The single handler: whatever ends a command early becomes one line, and a status in the list."""
    statuses: list[int] = []
    try:
        yield statuses
    except click.exceptions.Exit as ended:
        statuses.append(ended.exit_code)
    except NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        statuses.append(LocalError.exit_status)
    except click.ClickException as error:
        statuses.append(_show(LocalError(_usage(error), hint=_try_help(error), code="usage"), as_json, verbose))
    except MpcgovError as error:
        statuses.append(_show(error, as_json, verbose))
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        statuses.append(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has enough; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        statuses.append(0)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
        statuses.append(_show(_no_room(error) if full else _bug(error), as_json, verbose))
    except Exception as error:
        statuses.append(_show(_bug(error), as_json, verbose))


def _show(error: MpcgovError, as_json: bool, verbose: bool) -> int:
    if verbose:
        traceback.print_exc()
    if as_json:
        print_json({"error": {"code": error.code, "message": error.message, "hint": error.hint}})
    click.echo(f"mpcgov: {plain(error.line())}", err=True)
    return error.exit_status


def _no_room(error: OSError) -> LocalError:
    """A disk that takes nothing, wherever it was noticed. Only a path of ours is named."""
    where = f"{error.filename}: " if isinstance(error.filename, str) else ""
    hint = "make room, then run the command again"
    return LocalError(f"{where}nothing can be written ({error.strerror})", hint=hint, code="disk")


def _bug(error: Exception) -> InternalError:
    """An unforeseen exception: its type and place only, as its text might hold a value."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "mpcgov" in frame.filename]
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    hint = "please report it, with what -v shows"
    return InternalError(f"a fault of mpcgov itself: {type(error).__name__}{place}", hint=hint)


def _usage(error: click.ClickException) -> str:
    return error.format_message().rstrip(".").replace("\n", " ")


def _try_help(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"try '{context.command_path} --help'" if context is not None else "try 'mpcgov --help'"


def _leaves(command: click.Command, path: str, ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Every command below this one, as it is typed, with its first line of help."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _leaves(below, f"{path} {name}", ctx)
        return
    arguments = [piece for param in command.params if isinstance(param, click.Argument)
                 for piece in param.get_usage_pieces(ctx)]  # fmt: skip
    yield " ".join([path, *arguments]), command.get_short_help_str(200)
