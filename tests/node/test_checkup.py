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


def test_a_node_that_has_moved_is_told_that_the_others_look_for_it_elsewhere(network: Network) -> None:
    node = network.loaded("labour")
    assert checkup.address(node) == []
    config, before = node.path / "node.yaml", node.config.address
    config.write_text(config.read_text().replace(before, "labour.example:7101"))
    (found,) = checkup.address(network.loaded("labour"))
    assert not found.ok
    assert found.text.startswith(f"the roster has {before}, node.yaml labour.example:7101; send the coordinator")


def test_data_that_are_not_where_they_should_be_are_named(network: Network) -> None:
    """As after a restore, since no backup has them: the first job would fail, and be charged."""
    node = network.loaded("labour")
    (found,) = checkup.data(node)
    assert not found.ok
    assert found.text.startswith("no files of people: put them where datasets.yaml says")
    (node.path / "people.csv").write_text("region,sex,age\n")
    assert checkup.data(node) == []
    network.datasets("labour", "people: {source: 'postgres://db.example/stats#people', columns: {id: {kind: key}}}")
    assert checkup.data(network.loaded("labour")) == []


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
