"""Cards, rosters and the coordinator's own identity."""

from __future__ import annotations

from pathlib import Path

import click

from mpcgov.cli.options import Group, file_argument, home_option, identity_at
from mpcgov.cli.render import note, print_table


@click.group(cls=Group)
def coordinator() -> None:
    """The coordinator's own identity."""


@coordinator.command("init")
@home_option
@click.option("--name", required=True, help="The coordinator's name: lower-case letters, digits, hyphens.")
def init(home: Path, name: str) -> None:
    """New keys and coordinator.yaml in --home."""
    from mpcgov.coordinator import home as homes

    homes.init(home, name)
    note(f"{home}: keys made for coordinator {name}; next: mpcgov consortium create --home {home} CARD…")


@click.command("card")
@home_option
def card(home: Path) -> None:
    """The public card of an identity, to stdout."""
    from mpcgov.trust import consortium as consortia

    click.echo(consortia.card_envelope(identity_at(home)).to_bytes().decode())


@click.group(cls=Group)
def consortium() -> None:
    """A roster that every member signs and joins."""


@consortium.command("create")
@home_option
@click.argument("cards", metavar="CARD…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--threshold", type=int, default=1, show_default=True, help="How many parties together learn nothing.")
@click.option("--out", required=True, metavar="FILE", type=click.Path(path_type=Path), help="Where the roster goes.")
def create(home: Path, cards: tuple[Path, ...], threshold: int, out: Path) -> None:
    """A roster of at least three parties' cards, signed by the coordinator."""
    from mpcgov import files
    from mpcgov.trust import consortium as consortia

    serial = consortia.next_serial(home)
    envelope = consortia.create([consortia.read_card(path) for path in cards], identity_at(home), threshold, serial)
    files.replace(out, envelope.to_bytes())
    missing = ", ".join(consortia.unsigned(envelope, consortia.read_roster(envelope)))
    note(f"{out}: roster {serial}; now each of {missing} runs: mpcgov consortium sign --home THEIRS {out.name}")


@consortium.command("sign")
@home_option
@file_argument("roster", "ROSTER")
def sign(home: Path, roster: Path) -> None:
    """Adds this identity's signature to a roster."""
    from mpcgov import files
    from mpcgov.trust import consortium as consortia

    unsigned = consortia.read_envelope(roster)
    envelope = consortia.sign_roster(unsigned, identity_at(home, unsigned))
    files.replace(roster, envelope.to_bytes())
    missing = consortia.unsigned(envelope, consortia.read_roster(envelope))
    note(f"{roster}: signed; still to sign: {', '.join(missing) or 'nobody, all can join'}")


@consortium.command("join")
@home_option
@file_argument("roster", "ROSTER")
def join(home: Path, roster: Path) -> None:
    """Verifies every signature and pins every certificate."""
    from mpcgov.trust import consortium as consortia

    envelope = consortia.read_envelope(roster)
    joined = consortia.join(home, envelope, identity_at(home, envelope))
    note(f"{home}: joined roster {joined.serial} of {', '.join(card.id for card in consortia.members(joined))}")


@consortium.command("show")
@file_argument("roster", "ROSTER")
def show(roster: Path) -> None:
    """Who is in a roster, with whose signature."""
    from mpcgov.trust import consortium as consortia

    envelope = consortia.read_envelope(roster)
    value = consortia.read_roster(envelope)
    click.echo(f"roster {value.serial}, {len(value.parties)} parties, threshold {value.threshold}, {envelope.digest}\n")
    rows = [
        (card.id, card.address or "(coordinator)", standing, card.certificate_digest)
        for card, standing in consortia.standing(envelope, value)
    ]
    print_table(("member", "address", "signature", "certificate"), rows)
