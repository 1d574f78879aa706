"""Identities and rosters with real keys, made once."""

from pathlib import Path

import pytest

from mpcgov import keys
from mpcgov.spec.roster import Roster

PARTIES = ("labour", "welfare", "education")


@pytest.fixture(scope="session")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, keys.Identity]:
    home: Path = tmp_path_factory.mktemp("homes")
    made = {name: keys.create(home / name, "party", name, f"127.0.0.1:{7101 + i}") for i, name in enumerate(PARTIES)}
    made["hq"] = keys.create(home / "hq", "coordinator", "hq", None)
    made["stranger"] = keys.create(home / "stranger", "party", "labour", "127.0.0.1:7101")
    return made


@pytest.fixture(scope="session")
def roster(identities: dict[str, keys.Identity]) -> Roster:
    cards = tuple(identities[name].card for name in PARTIES)
    return Roster(serial=1, threshold=1, parties=cards, coordinator=identities["hq"].card)
