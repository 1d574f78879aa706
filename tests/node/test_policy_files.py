"""A policy that is missing, empty, unreadable or broken allows nothing, and the refusal says which it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mpcgov.errors import Refused
from mpcgov.node import home as homes
from mpcgov.node.home import NodeHome
from tests.node.network import Network, refusal


def missing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_text("")


def only_comments(path: Path) -> None:
    path.write_text("# nothing\n\n   # yet\n")


def without_the_right_to_read(path: Path) -> None:
    path.chmod(0o000)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def not_text(path: Path) -> None:
    path.write_bytes(b"protocols: [\xff\xfe]")


def not_yaml(path: Path) -> None:
    path.write_text("protocols: [")


def not_a_policy(path: Path) -> None:
    path.write_text("protocol: joint-count")


def a_list(path: Path) -> None:
    path.write_text("- joint-count")


def cut_off(path: Path) -> None:
    path.write_text(path.read_text()[:-30])


def too_low_a_floor(path: Path) -> None:
    path.write_text(path.read_text().replace("min_count: 5", "min_count: 2"))


FAULTS: dict[Callable[[Path], None], str] = {
    missing: "is missing",
    empty: "is empty",
    only_comments: "is empty",
    without_the_right_to_read: "can't be read",
    a_folder: "can't be read",
    not_text: "can't be read",
    not_yaml: "is broken",
    not_a_policy: "is broken",
    a_list: "is broken",
    cut_off: "is broken",
    too_low_a_floor: "is broken",
}


async def test_no_policy_refuses_every_request(network: Network) -> None:
    await network.start("labour")
    path = network.home("labour") / "policy.yaml"
    good = path.read_text()
    async with network.client() as client:
        for fault, text in FAULTS.items():
            fault(path)
            body = b'{"dataset":"people","columns":["region"]}'
            error = await refusal(client.request("labour", "POST", "/v1/declarations", body))
            assert (error.exit_status, text in error.message) == (3, True), fault
            answer = await network.submit(network.proposal(), "labour")
            assert answer["labour"]["state"] == "DENIED", fault
            assert answer["labour"]["reasons"] == [f"labour: its policy {text}, so nothing is allowed"], fault
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
            path.write_text(good)
        answer = await network.submit(network.proposal(), "labour")
    assert answer["labour"]["state"] == "AWAITING_APPROVAL"


async def test_broken_declarations_deny_and_show_nothing(network: Network) -> None:
    await network.start("labour")
    proposal = network.proposal()
    network.datasets("labour", "people: {source: secret.csv")
    answer = await network.submit(proposal, "labour")
    assert answer["labour"]["reasons"] == ["labour: its datasets.yaml can't be read, so nothing is allowed"]
    async with network.client() as client:
        body = b'{"dataset":"people","columns":["region"]}'
        error = await refusal(client.request("labour", "POST", "/v1/declarations", body))
    assert error.exit_status == 3


async def test_declarations_show_what_the_policy_lists_and_never_the_source(network: Network) -> None:
    await network.start("labour")
    ask = {
        b'{"dataset":"people","columns":["age","region"]}': 0,
        b'{"dataset":"people","columns":["age","name"]}': 3,
        b'{"dataset":"persons","columns":["age"]}': 3,
        b'{"dataset":"people","columns":[]}': 2,
        b'{"dataset":"../people","columns":["age"]}': 2,
        b'{"dataset":"people"}': 2,
        b'{"dataset":"people","columns":["age"],"dataset":"people"}': 2,
    }
    async with network.client("welfare") as client:
        for body, status in ask.items():
            if status:
                assert (await refusal(client.request("labour", "POST", "/v1/declarations", body))).exit_status == status
                continue
            declared = await client.request("labour", "POST", "/v1/declarations", body)
            assert list(declared["columns"]) == ["region", "age"]
            assert "source" not in declared


@pytest.fixture
def home(tmp_path: Path) -> NodeHome:
    return homes.init(tmp_path / "tax", "tax", "127.0.0.1:7101")


def test_a_new_home_is_private_and_allows_nothing(home: NodeHome) -> None:
    assert home.path.stat().st_mode & 0o777 == 0o700
    assert home.datasets().root == {}
    policy, _ = home.policy()
    assert (policy.approve, policy.protocols, policy.purposes, policy.datasets) == ("manual", (), (), {})
    assert (home.config.party, home.config.address, home.roster) == ("tax", "127.0.0.1:7101", None)
    for name in ("signing.key", "tls.key"):
        assert (home.path / "keys" / name).stat().st_mode & 0o077 == 0


def test_the_example_in_a_new_home_is_right(home: NodeHome) -> None:
    text = home.datasets_path.read_text()
    example = [line[2:] for line in text.splitlines() if line.startswith("# ") or line == "#"][2:]
    home.datasets_path.write_text("\n".join(example))
    assert list(home.datasets().root) == ["jobseekers"]


def test_a_home_is_made_once_and_keeps_what_was_there(home: NodeHome) -> None:
    home.policy_path.write_text("protocols: [joint-count]\n")
    with pytest.raises(homes.LocalError, match="keys already"):
        homes.init(home.path, "tax", "127.0.0.1:7101")
    assert home.policy()[0].protocols == ("joint-count",)


@pytest.mark.parametrize(
    ("party", "address"),
    [
        ("Tax", "127.0.0.1:1"),
        ("tax", "127.0.0.1"),
        ("tax", "127.0.0.1:0"),
        ("tax", "127.0.0.1:70000"),
        ("tax", "a b:1"),
    ],
)
def test_bad_names_and_addresses_make_no_home(tmp_path: Path, party: str, address: str) -> None:
    with pytest.raises(homes.SpecError):
        homes.init(tmp_path / "home", party, address)
    assert not os.path.lexists(tmp_path / "home")


def test_keys_that_others_can_read_are_refused(home: NodeHome) -> None:
    (home.path / "keys" / "signing.key").chmod(0o640)
    with pytest.raises(homes.LocalError, match="readable by others"):
        homes.load(home.path)


def test_a_folder_that_is_no_home_says_so(tmp_path: Path) -> None:
    with pytest.raises(homes.LocalError, match="not the home of a node"):
        homes.load(tmp_path)


def test_the_policy_is_named_in_full_for_its_own_people(home: NodeHome) -> None:
    from mpcgov.node import operator

    home.policy_path.write_text("protocols: []\npartner: []\n")
    with pytest.raises(Refused):
        home.policy()
    finding = next(finding for finding in operator.doctor(home.path) if finding.name == "policy.yaml")
    assert (finding.ok, "policy.yaml:2: partner: unknown key" in finding.text) == (False, True)


PEOPLE = """
people:
  source: people.csv
  columns:
    region: {kind: category, values: [North, South]}
    age: {kind: integer, min: 0, max: 120}
"""
STANDING = """
approve: standing
datasets:
  people:
    columns: {region: [filter], age: [filter]}
    filters: FILTERS
"""


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ("[region, age >= 15]", "approve: standing, 0 protocols, 1 data sets"),
        ("[]", "1 data sets; jobs that filter people wait for a person, as no filters are named there"),
        ("[age]", "policy.yaml: people: filters: age is no category column: name whole conditions on it"),
        ("[region = 'East']", "people: filters: where: character 1: 'East' is not among the declared values of region"),
        ("[region is]", "expected a category column, or a condition such as year >= 2015: where: character 10"),
        ("[sex]", "filters: sex isn't allowed as filter; say so under columns"),
    ],
)
def test_filters_that_proceed_by_themselves_are_checked_for_the_agencys_people(
    home: NodeHome, filters: str, said: str
) -> None:
    from mpcgov.node import operator

    home.datasets_path.write_text(PEOPLE)
    home.policy_path.write_text(STANDING.replace("FILTERS", filters))
    finding = next(finding for finding in operator.doctor(home.path) if finding.name == "policy.yaml")
    assert said in finding.text
    assert finding.ok == finding.text.startswith("approve: standing")
