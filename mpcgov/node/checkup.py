"""What `node doctor` looks at in a home and its machine beside keys and peers, each finding with what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from mpcgov import keys
from mpcgov.errors import MpcgovError
from mpcgov.node import staffing
from mpcgov.node.home import NodeHome
from mpcgov.node.notify.config import secret, signing_secret
from mpcgov.node.operations import free_bytes
from mpcgov.spec.places import place
from mpcgov.trust import consortium

LEAST_FREE_BYTES = 1 << 30


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: what, whether it is in order, and what was found."""

    name: str
    ok: bool
    text: str

    def to_json(self) -> dict[str, Any]:
        """The form that programs read."""
        return asdict(self)


def address(node: NodeHome) -> list[Finding]:
    """That the others look for this node elsewhere, as after a move to another machine; nothing if they don't."""
    pinned = next((card.address for card in node.joined()[0].parties if card.id == node.party), None)
    if pinned in (None, node.config.address):
        return []
    text = f"the roster has {pinned}, node.yaml {node.config.address}; send the coordinator the card of "
    return [Finding("address", False, f"{text}'mpcgov card --home {node.path}', for a new roster")]


def certificates(node: NodeHome) -> Finding:
    """When the members' certificates end; who must do what about those that end soon."""
    members = consortium.members(node.joined()[0])
    soon = [(card.id, text) for card in members if (text := keys.ends_soon(card))]
    if not soon:
        end, first = min((keys.certificate_end(card.certificate), card.id) for card in members)
        return Finding("certificates", True, f"the first to end is {first}'s, on {end.date().isoformat()}")
    whose = {name: f"{text}; {_remedy(node, name)}" for name, text in soon}
    return Finding("certificates", False, "; ".join(whose.values()) + "; then all sign and join a new roster")


def _remedy(node: NodeHome, name: str) -> str:
    if name == node.party:
        return f"send the coordinator the card of 'mpcgov node rotate --home {node.path}'"
    return f"{name} makes new keys ('mpcgov node rotate')" if name != node.joined()[0].coordinator.id else "new keys"


def data(node: NodeHome) -> list[Finding]:
    """The data sets whose files aren't there, as after a backup was restored; nothing if there are none."""
    try:
        declared = node.datasets().root
    except MpcgovError:  # which is said elsewhere
        return []
    gone = [name for name, one in declared.items() if place(one.source, node.datasets_path.parent).is_empty]
    text = f"no files of {', '.join(gone)}: put them where datasets.yaml says; jobs over them fail, which is charged"
    return [Finding("data", False, text)] if gone else []


def disk(node: NodeHome) -> Finding:
    """Whether there is room for the database; without it the node does nothing."""
    free = free_bytes(node.state_path)
    text = f"{free >> 20:,} MB free for the database"
    return Finding("disk", free >= LEAST_FREE_BYTES, text if free >= LEAST_FREE_BYTES else f"{text}; make room")


def workers(node: NodeHome) -> list[Finding]:
    """Whether this machine has what workers on a cluster take; nothing if there are to be none."""
    wanted = node.config.workers
    if wanted is None:
        return []
    found = staffing.faults(wanted, node.path)
    return [Finding("workers", not found, "; ".join(found) or f"{wanted}")]


def notices(node: NodeHome) -> list[Finding]:
    """Whether the secrets of those who are told of jobs can be read; nothing if nobody is told."""
    wanted = node.config.notify
    if wanted is None:
        return []
    try:
        if wanted.webhook is not None:
            signing_secret(node.path, wanted.webhook.secret)
        if wanted.email is not None and wanted.email.password is not None:
            secret(node.path, wanted.email.password)
    except MpcgovError as error:
        return [Finding("notices", False, error.line())]
    return [Finding("notices", True, f"by {' and '.join(wanted.channels)}; 'mpcgov node notify test' tries them")]
