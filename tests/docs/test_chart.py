"""The Helm chart, rendered by Helm's own library and judged by Kubernetes' schemas: what it lets a node do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mpcgov.version import __version__

CHART = Path(__file__).resolve().parents[2] / "examples/deploy/mpcgov-node"
VALUES: dict[str, Any] = {
    "party": "tax", "address": "tax.example.gov:7443", "image": "registry.example.gov/mpcgov@sha256:" + "0" * 64,
    "peers": [{"cidr": "192.0.2.1/32", "port": 7101}, {"cidr": "192.0.2.2/32", "port": 7102}],
    "coordinator": "203.0.113.5/32",
}  # fmt: skip
ALL = VALUES | {
    "home": {"storageClass": "encrypted", "backupSecret": "tax-backup"},
    "data": {"claim": "registers"},
    "extraEgress": [{"cidr": "10.0.0.5/32", "port": 5432}],
    "service": {"annotations": {"example.gov/pool": "dmz"}},
}


def test_the_chart_is_of_this_version() -> None:
    found = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert found["version"] == found["appVersion"] == __version__


@pytest.fixture(scope="module")
def helm() -> Any:
    """Helm as a library; .ci/run installs it from a lock of its own, as it is 75 MB for one test."""
    return pytest.importorskip("helm_python", reason="Helm isn't installed: requirements-helm.lock")


def rendered(helm: Any, values: dict[str, Any]) -> dict[str, Any]:
    with helm.Chart.load(str(CHART)) as chart:
        files = chart.render(values, name="tax", namespace="mpc")
    found = [yaml.safe_load(text) for name, text in files.items() if name.endswith(".yaml")]
    return {one["kind"]: one for one in found}


@pytest.mark.parametrize("values", [VALUES, ALL], ids=["least", "all"])
def test_helm_finds_no_fault_and_kubernetes_neither(helm: Any, values: dict[str, Any]) -> None:
    report = helm.lint(str(CHART), values, strict=True)
    assert [one for one in report["messages"] if one["severity"] > 1] == []
    judge = pytest.importorskip("kubernetes_validate", reason="requirements-helm.lock isn't installed")
    for version in ("1.25", "1.31", "1.37"):
        for one in rendered(helm, values).values():
            judge.validate(one, version, strict=True)


BAD = (
    {"party": ""}, {"image": "mpcgov:latest"}, {"address": "tax"}, {"replicas": 3},
    {"peers": []},  # a rule for nobody would be one for everybody
    {"peers": [VALUES["peers"][0], {"cidr": "everybody", "port": 1}]},
    {"coordinator": "0.0.0.0/0"},
)  # fmt: skip


@pytest.mark.parametrize("change", BAD, ids=str)
def test_values_that_would_open_a_node_or_run_two_are_refused(helm: Any, change: dict[str, Any]) -> None:
    with pytest.raises(helm.HelmError, match="schema"):
        rendered(helm, VALUES | change)


def test_the_pod_may_do_nothing_but_its_work(helm: Any) -> None:
    pod = rendered(helm, ALL)["StatefulSet"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"  # keys stay their owner's alone
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert set(container["resources"]) == {"requests", "limits"}
    mounts = {one["name"]: one for one in pod["containers"][0]["volumeMounts"]}
    assert mounts["data"]["readOnly"]
    assert "backup" not in mounts
    assert [port["name"] for one in pod["containers"] for port in one["ports"]] == ["mpcgov"]


@pytest.mark.parametrize(("values", "command"), [(VALUES, "node init"), (ALL, "node restore")], ids=["new", "restored"])
def test_a_home_that_should_come_from_a_backup_never_gets_new_keys(
    helm: Any, values: dict[str, Any], command: str
) -> None:
    """Not even if the Secret isn't there: it may go once the home is."""
    (script,) = rendered(helm, values)["StatefulSet"]["spec"]["template"]["spec"]["initContainers"][0]["args"]
    assert [word for word in ("node init", "node restore") if word in script] == [command]


def test_members_alone_reach_the_node_and_the_node_members_alone(helm: Any) -> None:
    policy = rendered(helm, ALL)["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (ingress,) = policy["ingress"]
    assert [one["ipBlock"]["cidr"] for one in ingress["from"]] == [
        "203.0.113.5/32", "192.0.2.1/32", "192.0.2.2/32",
    ]  # fmt: skip
    assert [port["port"] for port in ingress["ports"]] == [7101]
    names, *others = policy["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert [(one["to"][0]["ipBlock"]["cidr"], one["ports"][0]["port"]) for one in others] == [
        ("192.0.2.1/32", 7101), ("192.0.2.2/32", 7102), ("10.0.0.5/32", 5432),
    ]  # fmt: skip
    (port,) = rendered(helm, ALL)["Service"]["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (7443, "mpcgov")
