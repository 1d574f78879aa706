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


@protocol.command("check")
@file_argument("path", "PATH")
def check(path: Path) -> None:
    """Whether a protocol's folder is complete and its reference gives its vectors."""
    from mpcgov import protocol_check

    vectors = protocol_check.check(path)
    note(f"{path}: complete; its reference gives all {vectors} vectors")
