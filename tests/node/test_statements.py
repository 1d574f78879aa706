"""What parties have signed is verified once for the same bytes and the same key, and a digest is taken once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mpcgov.errors import PeerError, SpecError
from mpcgov.node.statements import make_approval, read_approval
from mpcgov.spec import envelope as envelopes
from mpcgov.spec import statement
from tests.node.network import Network


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Whose signatures were verified."""
    signers: list[str] = []
    verify = envelopes.verify

    def counted(envelope: envelopes.Envelope, payload_type: str, signer: str, key: str) -> None:
        signers.append(signer)
        verify(envelope, payload_type, signer, key)

    monkeypatch.setattr(envelopes, "verify", counted)
    return signers


def test_an_approval_is_verified_once_for_each_key(network: Network, verified: list[str]) -> None:
    home, proposal = network.loaded("welfare"), network.proposal()
    body = make_approval(home, proposal, False, "sha256:" + "0" * 64, 1.0, None).to_bytes()
    card, other = network.roster.member("welfare"), network.roster.member("labour")
    assert len({read_approval(body, card, proposal, 1.0).job_digest for _ in range(3)}) == 1
    assert verified == ["welfare"]
    for _ in range(2):
        with pytest.raises(SpecError, match="doesn't hold"):
            read_approval(body, card.model_copy(update={"signing_key": other.signing_key}), proposal, 1.0)
        with pytest.raises(SpecError, match="labour has not signed"):
            read_approval(body, other, proposal, 1.0)
    assert len(verified) == 5


def test_what_hangs_on_the_time_and_the_job_is_looked_at_each_time(network: Network) -> None:
    home, proposal = network.loaded("welfare"), network.proposal()
    body = make_approval(home, proposal, False, "sha256:" + "0" * 64, 1.0, None).to_bytes()
    card = network.roster.member("welfare")
    read_approval(body, card, proposal, 1.0)
    with pytest.raises(PeerError, match="has expired"):
        read_approval(body, card, proposal, proposal.approve_before)
    with pytest.raises(SpecError, match="approved another proposal"):
        read_approval(body, card, proposal.model_copy(update={"nonce": "0" * 32}), 1.0)


def test_a_proposals_digests_are_taken_once_and_a_copy_has_its_own(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal, taken = network.proposal(), []
    encode = statement.canonical_json
    monkeypatch.setattr(statement, "canonical_json", lambda value: taken.append(value) or encode(value))
    digests = [(proposal.job_digest, proposal.content_digest) for _ in range(3)]
    assert len(set(digests)) == 1
    assert len(taken) == 2
    other = proposal.model_copy(update={"nonce": "0" * 32})
    assert other.job_digest != proposal.job_digest
    assert other.content_digest == proposal.content_digest
    longer = proposal.model_copy(update={"threshold": 2})
    assert longer.content_digest != proposal.content_digest
    assert proposal.model_copy() == proposal
    assert "digest" not in "".join(proposal.model_dump().keys() - {"protocol_digest", "roster_digest"})
