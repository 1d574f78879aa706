"""New keys for a node that goes on with its log, its ledger and its jobs.

The new keys lie beside the present ones until the home has joined a roster that holds their card, and no job is under
way any more; then the node takes them up. The audit log goes on: its next record names the former key and is signed
with the new one. The former keys are deleted; nothing needs them any more.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from mpcgov import keys
from mpcgov.clock import RealClock
from mpcgov.keys import Identity
from mpcgov.node import home as homes
from mpcgov.node.audit import AuditLog
from mpcgov.node.home import NodeHome
from mpcgov.node.store import Store
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.roster import Roster
from mpcgov.trust import consortium

NEXT = "keys-next"
_FORMER = "keys-former"


def rotate(home: Path) -> Envelope:
    """The card of new keys for this node; they are made the first time, and wait for a roster that holds them.

    Raises:
        LocalError: the home isn't in order.
    """
    node = homes.load(home)
    if not (home / NEXT).exists():
        name, address, ledger_key = node.party, node.config.address, node.identity.ledger_key
        keys.create(home, "party", name, address, folder_name=NEXT, ledger_key=ledger_key)
    return consortium.card_envelope(_next(node))


def identity_in(node: NodeHome, roster: Roster) -> Identity:
    """The keys of this home that a roster holds, the new ones if it is theirs; else the present ones."""
    if (node.path / NEXT).exists() and (new := _next(node)).card in consortium.members(roster):
        return new
    return node.identity


def take_up(home: Path) -> NodeHome:
    """The home, with its new keys from now on if the roster that it has joined holds them. No node may run in it.

    Raises:
        LocalError: the audit log doesn't verify, or the home isn't in order. PeerError: nothing can be recorded.
    """
    if not (home / keys.FOLDER).exists() and (home / _FORMER).exists() and (home / NEXT).exists():
        (home / NEXT).rename(home / keys.FOLDER)
    node = homes.load(home)
    if node.roster is not None and identity_in(node, node.roster) is not node.identity:
        _go_on_with_log(node, _next(node))
        (home / keys.FOLDER).rename(home / _FORMER)
        (home / NEXT).rename(home / keys.FOLDER)
        node = homes.load(home)
    shutil.rmtree(home / _FORMER, ignore_errors=True)
    return node


def _go_on_with_log(node: NodeHome, new: Identity) -> None:
    store, clock = Store(node.state_path, node.config.state), RealClock()
    try:
        log = AuditLog(store, node.identity, node.state_path, clock)
        if log.goes_on_under(new.public_key) or log.verify():
            AuditLog(store, new, node.state_path, clock).begin(node.identity.public_key, node.joined()[1])
    finally:
        store.close()


def _next(node: NodeHome) -> Identity:
    return keys.load(node.path, "party", node.party, node.config.address, NEXT)
