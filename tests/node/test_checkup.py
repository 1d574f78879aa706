"""What doctor says of certificates, the disk and secrets: what is wrong, and what to do."""

from __future__ import annotations

import datetime as dt

import pytest

from mpcgov import keys
from mpcgov.node import checkup
from tests.node.network import Network


def test_a_certificate_that_ends_names_whose_when_and_what_to_do(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = network.loaded("labour")
    found = checkup.certificates(node)
    assert found.ok
    assert str(dt.datetime.now(dt.UTC).year + 10) in found.text
    ends = {"labour": 10, "welfare": -5}
    whole = {card.certificate: card.id for card in (*network.roster.parties, network.roster.coordinator)}
    monkeypatch.setattr(
        keys, "certificate_end", lambda pem: dt.datetime.now(dt.UTC) + dt.timedelta(days=ends.get(whole[pem], 900))
    )
    found = checkup.certificates(node)
    assert not found.ok
    assert "labour: its certificate expires on" in found.text
    assert "mpcgov node rotate --home" in found.text
    assert "welfare: its certificate expired on" in found.text
    assert "welfare makes new keys" in found.text
    assert found.text.endswith("then all sign and join a new roster")


def test_a_full_disk_and_a_missing_secret_are_found(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    home = network.home("labour")
    (home / "state").mkdir(exist_ok=True)
    assert checkup.notices(network.loaded("labour")) == []
    with (home / "node.yaml").open("a") as file:
        file.write("notify: {webhook: {url: 'https://alerts.example/x', secret: hook}}\n")
    node = network.loaded("labour")
    (found,) = checkup.notices(node)
    assert not found.ok
    assert "secrets/hook" in found.text
    assert checkup.disk(node).ok
    monkeypatch.setattr(checkup, "free_bytes", lambda folder: 5 << 20)
    assert checkup.disk(node).text == "5 MB free for the database; make room"
