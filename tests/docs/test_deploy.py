"""What is shipped for running mpcgov as a service is sound as far as that can be seen without running it."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from mpcgov.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "examples/deploy"
UNITS = sorted(path for path in DEPLOY.iterdir() if path.suffix in (".service", ".timer"))
CHART = DEPLOY / "mpcgov-node/templates"
PAGES = [
    *UNITS, DEPLOY / "sandbox.sh", DEPLOY / "compose.yaml", DEPLOY / "README.md", ROOT / "docs/network.md",
    CHART / "NOTES.txt", CHART / "statefulset.yaml",
]  # fmt: skip


def words(path: Path) -> list[list[str]]:
    """The commands of mpcgov that a file names."""
    return [found.split() for found in re.findall(r"\bmpcgov ((?:[a-z]+ ?)+)", path.read_text(encoding="utf-8"))]


def is_command(named: list[str]) -> bool:
    """Whether words begin with a command that there is."""
    found: click.Command = cli
    for word in named:
        if not isinstance(found, click.Group):
            break
        if word not in found.commands:
            return False
        found = found.commands[word]
    return not isinstance(found, click.Group)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_are_sections_of_settings_and_drop_what_they_can(path: Path) -> None:
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str
    found.read_string(path.read_text(encoding="utf-8"))
    assert "Unit" in found
    if path.suffix == ".service":
        service = found["Service"]
        assert service["NoNewPrivileges"] == "yes"
        assert service["ProtectSystem"] == "strict"
        assert service["CapabilityBoundingSet"] == ""
        assert service["LimitCORE"] == "0"
        assert service["User"] == "mpcgov"
        assert is_command(service["ExecStart"].partition("/bin/mpcgov ")[2].split())


# A container or a Mac has no systemd to ask; what matters for security is looked at above, everywhere.
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_knows_every_setting() -> None:
    done = subprocess.run(["systemd-analyze", "verify", *map(str, UNITS)], capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if "mpcgov" in line]
    assert [line for line in lines if "Unknown" in line or "Failed to parse" in line or "Invalid" in line] == []


def test_the_compose_file_gives_each_agency_its_own_home_only() -> None:
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services = found["services"]
    for party in ("tax", "welfare", "census"):
        assert services[party]["volumes"] == [f"{party}:/homes/{party}"]
        assert is_command(services[party]["command"])
        assert services[party]["read_only"]
        assert services[party]["cap_drop"] == ["ALL"]
    named = {volume.partition(":")[0] for one in services.values() for volume in one["volumes"]}
    assert named == set(found["volumes"])
    assert {name for one in services.values() for name in one.get("networks", [])} == set(found["networks"])
    assert (DEPLOY / services["setup"]["build"]["context"] / services["setup"]["build"]["dockerfile"]).is_file()


def test_the_image_is_made_of_what_is_there() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    copied = [line.split()[1:-1] for line in text.splitlines() if re.match(r"COPY (?!--from)", line)]
    assert [name for names in copied for name in names if not (ROOT / name).exists()] == []
    assert "--require-hashes" in text
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    locked = (ROOT / "requirements-image.lock").read_text(encoding="utf-8")
    assert "\nwebauthn==" in locked  # the console is in it


def test_kernels_are_copied_to_where_a_container_may_write() -> None:
    """The root of each container is read-only, and the compiler's cache must not be."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    assert "cp -Rp /opt/mpcgov-cache /tmp/cache" in text
    assert re.search(r"^ENV XDG_CACHE_HOME=/tmp/cache$", text, re.MULTILINE)
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert all(one["tmpfs"] == ["/tmp"] for one in services.values() if one.get("read_only"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_that_is_named_is_there(path: Path) -> None:
    groups = {"node", "job", "consortium", "coordinator"}
    assert [named for named in words(path) if named[0] in groups and not is_command(named)] == []


def test_the_sandbox_is_set_up_by_its_script(tmp_path: Path) -> None:
    """Without keys: what it calls is written down instead of run."""
    called = tmp_path / "bin/mpcgov"
    called.parent.mkdir()
    called.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called\n')
    called.chmod(0o755)
    environment = {"PATH": f"{called.parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", str(DEPLOY / "sandbox.sh"), str(tmp_path / "homes")], check=True, env=environment)
    lines = (tmp_path / "called").read_text().splitlines()
    assert [line for line in lines if not is_command(line.split())] == []
    assert sum(line.startswith("consortium join") for line in lines) == 4
    assert (tmp_path / "homes/tax/policy.yaml").is_file()
