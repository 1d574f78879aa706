"""The protocols on this disk."""

from __future__ import annotations

from pathlib import Path

import click

from mpcgov.cli.options import Group, file_argument
from mpcgov.cli.render import note, print_sections, print_table


@click.group(cls=Group)
def protocol() -> None:
    """Reviewed protocols, one folder each."""


@protocol.command("list")
def list_protocols() -> None:
    """The protocols on this disk."""
    from mpcgov import registry

    found = [registry.find(name) for name in registry.names()]
    rows = [(p.manifest.id, p.manifest.version, p.manifest.status, p.manifest.title, p.digest) for p in found]
    print_table(("protocol", "version", "status", "what it computes", "digest"), rows)


@protocol.command("show")
@click.argument("name", metavar="NAME")
def show(name: str) -> None:
    """What a protocol computes, opens, leaks and costs."""
    from mpcgov import registry
    from mpcgov.cli.words import describe_protocol

    print_sections(describe_protocol(registry.find(name)))


@protocol.command("new")
@click.argument("name", metavar="NAME")
@click.option(
    "--kind", default="counts", show_default=True, metavar="KIND",
    help="What owners share (counts, sums, rows, records), what a table holds, or a protocol to start from.",
)  # fmt: skip
def new(name: str, kind: str) -> None:
    """Writes a complete protocol folder to work on, in the current directory."""
    from mpcgov.protocol import new

    folder, template = new.write(name, kind, Path())
    note(f"{folder}: a protocol like {template}; change it, then `mpcgov protocol check {folder} --run`")


@protocol.command("check")
@file_argument("path", "PATH")
@click.option("--run", "every", is_flag=True, help="Run all vectors through real workers, not only the shortest.")
def check(path: Path, every: bool) -> None:
    """Whether a protocol's folder is complete, and its reference and program give its vectors."""
    from mpcgov.protocol import check as protocol_check
    from mpcgov.protocol import trial

    vectors = protocol_check.check(path)
    ran = trial.run(path, every)
    shortest = "" if every else f", the shortest; --run takes all {vectors}"
    note(f"{path}: complete; its reference gives all {vectors} vectors, real workers gave {ran}{shortest}")
