"""From the files of a home to a decision: reads policy, declarations and protocol afresh, then asks `decide`."""

from __future__ import annotations

from dataclasses import dataclass

from mpcgov import registry
from mpcgov.errors import LocalError, MpcgovError, Refused, SpecError
from mpcgov.node.decide import decide
from mpcgov.node.facts import Deny, Facts, Permit, View
from mpcgov.node.home import NodeHome
from mpcgov.node.units import Register, known, made, sources
from mpcgov.spec.manifest import Protocol
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Dataset, Declaration


@dataclass(frozen=True)
class Verdict:
    """A decision, and the digest of the policy that it was made under ('' if there was none)."""

    decision: Permit | Deny
    policy_digest: str

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not; empty if it is permitted."""
        return self.decision.reasons if isinstance(self.decision, Deny) else ()

    @property
    def asks(self) -> tuple[str, ...]:
        """Why people are asked; empty if nobody is."""
        return self.decision.why if isinstance(self.decision, Permit) else ()

    @property
    def beside(self) -> tuple[str, ...]:
        """The earlier jobs that released other tables of the same rows."""
        return self.decision.beside if isinstance(self.decision, Permit) else ()

    @property
    def overlaps(self) -> tuple[str, ...]:
        """The earlier jobs whose rows may differ in few from this one's."""
        return self.decision.overlaps if isinstance(self.decision, Permit) else ()

    @property
    def counted(self) -> tuple[str, ...]:
        """The earlier jobs that sums and differences with this one's tables may be made of, if it overlaps any."""
        return self.decision.counted if isinstance(self.decision, Permit) else ()


def evaluate(home: NodeHome, proposal: Proposal, now: float, known_digest: str | None, ledger: View) -> Verdict:
    """The decision about a proposal from this home's files as they are now. Whatever can't be read denies."""
    roster, roster_digest = home.joined()
    if not home.still_joined():
        # What runs here was started with the old roster, which may list somebody who was put out.
        return Verdict(Deny((f"{home.party} has joined another roster, which its node is about to take up",)), "")
    try:
        policy, policy_digest = home.policy()
    except Refused as error:
        return Verdict(Deny((error.message,)), "")
    try:
        own = _own_dataset(home, proposal)
        facts = Facts(
            me=home.party,
            now=now,
            roster=roster,
            roster_digest=roster_digest,
            policy=policy,
            protocol=_protocol(proposal.job.protocol_name),
            declaration=None if own is None else own.declaration,
            known_digest=known_digest,
            ledger=ledger,
            sources={} if own is None else sources(own),
            made={} if own is None else made(own),
        )
    except MpcgovError as error:
        return Verdict(Deny((error.message,)), policy_digest)
    return Verdict(decide(proposal, facts), policy_digest)


def register(home: NodeHome, dataset: str) -> Register:
    """What this home's files say of a data set now.

    Raises:
        Refused: they can't be read.
    """
    found, allowed = declared_datasets(home).get(dataset), home.policy()[0].datasets.get(dataset)
    return Register() if found is None else Register(known(found.declaration, allowed), sources(found), made(found))


def register_to_show(home: NodeHome, dataset: str) -> Register:
    """`register`, for what is shown and decides nothing; nothing where the files can't be read."""
    try:
        return register(home, dataset)
    except Refused:
        return Register()


def declaration(home: NodeHome, dataset: str, columns: tuple[str, ...]) -> Declaration:
    """Exactly these columns of a declaration, for other members to see.

    Raises:
        Refused: the policy doesn't list the data set and every one of the columns.
        SpecError: it lists one that isn't declared, or none was asked for.
    """
    policy, _ = home.policy()
    allowed = policy.datasets.get(dataset)
    hidden = [name for name in columns if allowed is None or not allowed.uses_of(name)]
    if allowed is None or hidden:
        what = f"column {', '.join(hidden)} of {dataset}" if allowed is not None else f"data set {dataset}"
        hint = "check the name, or ask that agency what it allows"
        raise Refused(f"{home.party} doesn't allow {what}", hint=hint, code="policy")
    own = declared_datasets(home).get(dataset)
    missing = [name for name in columns if own is None or name not in own.columns]
    if own is None or missing or not columns:
        what = f"column {', '.join(missing)} in {dataset}" if own is not None else f"data set {dataset}"
        raise SpecError(f"{home.party} has declared no {what}", code="dataset")
    return own.only(set(columns))


def _protocol(name: str) -> Protocol | None:
    try:
        return registry.find(name)
    except SpecError:
        raise
    except LocalError:
        return None


def _own_dataset(home: NodeHome, proposal: Proposal) -> Dataset | None:
    part = proposal.job.parties.get(home.party)
    return declared_datasets(home).get(part.dataset) if part is not None and part.dataset is not None else None


def declared_datasets(home: NodeHome) -> dict[str, Dataset]:
    """This home's data sets as they are declared now.

    Raises:
        Refused: they can't be read.
    """
    try:
        return home.datasets().root
    except SpecError:
        raise Refused(
            f"{home.party}: its datasets.yaml can't be read, so nothing is allowed",
            hint=f"{home.party}'s operator sees why with 'mpcgov node doctor'",
            code="datasets",
        ) from None
