"""The coordinator's pages, for a browser on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from mpcgov.cli.options import home_option


@click.command("console")
@home_option
@click.option(
    "--listen", default="127.0.0.1:7181", show_default=True, metavar="HOST:PORT", help="Where, on this machine."
)
def console(home: Path, listen: str) -> None:
    """The coordinator's pages; prints a link that lets one browser in."""
    from mpcgov.office.serve import serve

    asyncio.run(serve(home, listen, click.echo))
