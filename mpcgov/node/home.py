"""A node's home directory: everything its agency owns of it, and nothing of anybody else's.

node.yaml  datasets.yaml  policy.yaml  keys/  roster.json (after joining)  state/ (database, head of the audit log)
keys-next/ (while keys are being rotated: `mpcgov.node.rotation`)
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from mpcgov import files, keys
from mpcgov.errors import LocalError, Refused, SpecError
from mpcgov.keys import Identity
from mpcgov.node import inforce, staffing
from mpcgov.node.desk.config import ConsoleConfig
from mpcgov.node.first_files import DATASETS_FILE, NODE_FILE, POLICY_FILE
from mpcgov.node.logs import Form
from mpcgov.node.notify.config import Notify
from mpcgov.node.operations import Operations
from mpcgov.node.slots import default_limit
from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.ids import PartyId, digest
from mpcgov.spec.load import Frozen, load_yaml, parse_again, read_text, validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.roster import Address, Roster
from mpcgov.spec.table import Datasets
from mpcgov.trust import consortium

STATE = "state"


class NodeConfig(Frozen):
    """`node.yaml`: who this node is, where it is reached, where it keeps its state, how many jobs compute here at once
    (None: as many as the machine has processors and memory for), where its people meet it (None: nowhere), who may
    watch it, what its log looks like, who is told of jobs, and who links shards of long lists side by side (None: they
    are linked one after the other)."""

    party: PartyId
    address: Address
    listen: Address | None = None
    state: str | None = None
    jobs_at_once: Annotated[int, Field(ge=1, le=1000)] | None = None
    console: ConsoleConfig | None = None
    operations: Operations | None = None
    log: Form | None = None
    notify: Notify | None = None
    workers: staffing.Workers | None = None


@dataclass(frozen=True)
class NodeHome:
    """A node's home, loaded: its configuration, its keys, and the roster that it has joined."""

    path: Path
    config: NodeConfig
    identity: Identity
    roster: Roster | None
    roster_digest: str | None

    @property
    def party(self) -> str:
        """This agency's name."""
        return self.config.party

    @property
    def jobs_at_once(self) -> int:
        """How many jobs compute here at once; the others wait."""
        return self.config.jobs_at_once or default_limit()

    @property
    def datasets_path(self) -> Path:
        """Where this agency declares its data sets."""
        return self.path / "datasets.yaml"

    @property
    def policy_path(self) -> Path:
        """Where this agency says what it allows."""
        return self.path / "policy.yaml"

    @property
    def state_path(self) -> Path:
        """The folder of the database, the audit log's head, and the lock of the running daemon."""
        return self.path / STATE

    def joined(self) -> tuple[Roster, str]:
        """The roster and its digest.

        Raises:
            LocalError: no consortium was joined.
        """
        if self.roster is None or self.roster_digest is None:
            raise LocalError(
                f"{self.path}: {self.party} has joined no consortium",
                hint=f"mpcgov consortium join --home {self.path} roster.json",
                code="roster",
            )
        return self.roster, self.roster_digest

    def still_joined(self) -> bool:
        """Whether the roster that was loaded is the one in this home now; False also if there is none to read."""
        try:
            return consortium.joined_digest(self.path) == self.roster_digest
        except SpecError:
            return False

    def datasets(self) -> Datasets:
        """This agency's declarations, read afresh; no source of data is looked at, as a disk may not answer.

        Raises:
            SpecError: the file is missing or broken.
        """
        return load_datasets(self.datasets_path, look=False)

    def policy(self) -> tuple[Policy, str]:
        """This agency's policy, read afresh, and the digest of the text it was read from.

        Raises:
            Refused: it is missing, empty, unreadable or broken, or isn't the one that people have agreed to; then
                nothing is allowed.
        """
        try:
            while True:
                agreed = inforce.read(self.state_path)
                policy, found = self._written_policy()
                if (allowed := inforce.allows(self.state_path, found, agreed)) is not None:
                    break
        except SpecError:
            raise self._no_policy("can't be compared with the one in force") from None
        if not allowed:
            raise self._no_policy("was changed, and waits for two people's yes")
        return policy, found

    def _written_policy(self) -> tuple[Policy, str]:
        path = self.policy_path
        try:
            if not path.exists():
                raise self._no_policy("is missing")
            # Also for the superuser, who could read it: the agency took the right to read it away.
            if not path.stat().st_mode & stat.S_IRUSR:
                raise self._no_policy("can't be read")
            text = read_text(path)
        except (SpecError, OSError):
            raise self._no_policy("can't be read") from None
        if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
            raise self._no_policy("is empty")
        try:
            return parse_again(text, Policy, str(path)), digest(text.encode())
        except SpecError:
            raise self._no_policy("is broken") from None

    def _no_policy(self, what: str) -> Refused:
        return Refused(
            f"{self.party}: its policy {what}, so nothing is allowed",
            hint=f"{self.party}'s operator sees why with 'mpcgov node doctor'",
            code="policy",
        )


def init(home: Path, party: str, address: str) -> NodeHome:
    """A new home, readable by its owner only, with new keys and a policy that allows nothing.

    Raises:
        SpecError: no such name or address. LocalError: there are keys already, or nothing can be written.
    """
    validate({"party": party, "address": address}, NodeConfig, "node.yaml")
    host_port(address)
    keys.require_none(home)
    files.own_folder(home)
    files.replace(home / "node.yaml", NODE_FILE.format(party=party, address=address).encode())
    for name, text in (("datasets.yaml", DATASETS_FILE), ("policy.yaml", POLICY_FILE)):
        if not (home / name).exists():
            files.replace(home / name, text.encode())
    # Last, since no home is made where there are keys: what was broken off can be done again.
    keys.create(home, "party", party, address)
    return load(home)


def load(home: Path) -> NodeHome:
    """The home as its files say.

    Raises:
        SpecError: node.yaml or the roster is missing or broken. LocalError: keys are missing or readable by others.
    """
    require(home)
    config = load_yaml(home / "node.yaml", NodeConfig)
    host_port(config.address)
    identity = keys.load(home, "party", config.party, config.address)
    roster, roster_digest = None, None
    if (home / consortium.ROSTER_FILE).exists():
        envelope, roster = consortium.load_roster(home)
        roster_digest = envelope.digest
    return NodeHome(home, config, identity, roster, roster_digest)


def log_form(home: Path) -> Form | None:
    """What the log in this home shall look like, if it says so.

    Raises:
        LocalError: it isn't the home of a node, or node.yaml is broken.
    """
    require(home)
    return load_yaml(home / "node.yaml", NodeConfig).log


def require(home: Path) -> None:
    """Nothing, if this is the home of a node.

    Raises:
        LocalError: it isn't.
    """
    if not (home / "node.yaml").exists():
        raise LocalError(
            f"{home}: not the home of a node", hint="choose --home, or make one: mpcgov node init", code="home"
        )


def host_port(address: str) -> tuple[str, int]:
    """The two halves of `host:port`, an IPv6 host without its brackets.

    Raises:
        SpecError: the port isn't one.
    """
    host, _, port = address.rpartition(":")
    if not 1 <= int(port) <= 65535:
        raise SpecError(f"address {address}: ports go from 1 to 65535", code="address")
    return host.strip("[]"), int(port)
