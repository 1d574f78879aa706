"""Code lists with a hierarchy: a job asks for a coarser level of a column, and everything takes it for a column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.errors import SpecError
from mpcgov.jobs import check
from mpcgov.node.differencing import Release, Side, compare, release
from mpcgov.spec import where
from mpcgov.spec.codelists import load_datasets, read_declarations
from mpcgov.spec.job import Job
from mpcgov.spec.policy import DatasetPolicy
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import CategoryColumn, Declaration
from mpcgov.trial.simulation import simulate
from mpcgov.worker.fingerprint import fingerprints_of
from mpcgov.worker.report import dataset_check
from mpcgov.worker.source import open_table

CODES = "code,name,section\nEL301,a,south\nEL302,b,south\nEL411,c,north\nEL412,d,north\n"
VALUES = ["EL301", "EL302", "EL411", "EL412"]


def agency(folder: Path, party: str, levels: Any, values: Any = "nuts3.csv", missing: str = "refuse") -> None:
    home = folder / party
    home.mkdir(parents=True)
    (home / "nuts3.csv").write_text(CODES)
    rows = [code for n, code in enumerate(VALUES) for _ in range(10 + n)]
    (home / "d.csv").write_text("region,age\n" + "".join(f"{code},{n % 50}\n" for n, code in enumerate(rows)))
    columns = {"region": {"kind": "category", "values": values, "levels": levels}, "age": AGE}
    declared = {"d": {"source": "d.csv", "missing": missing, "columns": columns}}
    (home / "datasets.yaml").write_text(json.dumps(declared))


AGE = {"kind": "integer", "min": 0, "max": 120}


def job(by: list[str], **more: Any) -> Job:
    parts = {party: {"dataset": "d"} for party in ("tax", "welfare", "census")}
    whole = {"protocol": "joint-count", "purpose": "p", "legal_basis": "l", "parties": parts, "params": {"by": by}}
    return Job.model_validate(whole | {"receivers": ["coordinator"]} | more)


@pytest.mark.parametrize(
    ("levels", "by", "expected"),
    [
        ({"nuts2": 4}, "region@nuts2", [["EL30", 63], ["EL41", 75]]),
        (["section"], "region@section", [["south", 63], ["north", 75]]),
        ({"half": dict(zip(VALUES, "1122", strict=True))}, "region@half", [["1", 63], ["2", 75]]),
    ],
    ids=["first characters", "columns of the file", "written out"],
)
def test_a_job_counts_by_a_coarser_level(tmp_path: Path, levels: Any, by: str, expected: list[Any]) -> None:
    for party in ("tax", "welfare", "census"):
        agency(tmp_path, party, levels)
    (tmp_path / "job.yaml").write_text(json.dumps(job([by]).model_dump(mode="json", exclude_defaults=True)))
    found = simulate(tmp_path / "job.yaml", tmp_path)["tables"]["count"]
    assert found == {"columns": [by, "count"], "rows": expected}


WHERE = "region@nuts2 = 'EL30' or region@nuts2 is null"


def test_a_filter_tests_a_level(tmp_path: Path) -> None:
    for party in ("tax", "welfare", "census"):
        agency(tmp_path, party, {"nuts2": 4})
    parts = {party: {"dataset": "d", "where": WHERE} for party in ("tax", "welfare", "census")}
    whole = job(["region"], parties=parts).model_dump(mode="json", exclude_defaults=True)
    (tmp_path / "job.yaml").write_text(json.dumps(whole))
    found = simulate(tmp_path / "job.yaml", tmp_path)["tables"]["count"]
    assert found["rows"] == [["EL301", 30], ["EL302", 33], ["EL411", None], ["EL412", None]]
    with pytest.raises(SpecError, match="'EL3' is not among the declared values of region@nuts2"):
        where.check(where.parse("region@nuts2 = 'EL3'"), read_declarations(tmp_path / "tax" / "datasets.yaml")["d"])


def test_filters_by_levels_keep_rows_apart_and_by_two_levels_do_not(tmp_path: Path) -> None:
    found = declarations(tmp_path, tax={"nuts2": 4}, welfare={"nuts2": 4}, census={"nuts2": 4})

    def chosen(condition: str) -> Release:
        parts = {party: {"dataset": "d", "where": condition} for party in found}
        released: Release = _released(job(["region"], parties=parts), found)
        return released

    south, north, fine = map(chosen, ("region@nuts2 = 'EL30'", "region@nuts2 = 'EL41'", "region in ('EL301', 'EL302')"))
    assert _side(south, north) is Side.APART
    assert _side(south, fine) is _side(north, fine) is Side.UNCLEAR
    assert _side(south, south) is Side.SAME_CELLS
    moved = {"nuts2": {"EL301": "EL30", "EL302": "EL41", "EL411": "EL41", "EL412": "EL41"}}
    found = declarations(tmp_path / "moved", tax=moved, welfare=moved, census=moved)
    assert _side(chosen("region@nuts2 = 'EL41'"), south) is Side.UNCLEAR


def declarations(folder: Path, **levels: Any) -> dict[str, Declaration]:
    for party, said in levels.items():
        agency(folder, party, said)
    return {party: read_declarations(folder / party / "datasets.yaml")["d"] for party in levels}


def test_editions_that_differ_are_named_code_by_code(tmp_path: Path) -> None:
    new = {"half": {**dict(zip(VALUES, "1122", strict=True)), "EL302": "2"}}
    old = {"half": dict(zip(VALUES, "1122", strict=True))}
    found = declarations(tmp_path, tax=old, welfare=new, census=old)
    with pytest.raises(SpecError, match="EL302 is in 2 at welfare and in 1 at tax"):
        check.check_job(job(["region@half"]), registry.find("joint-count").manifest, found, 1)


def test_a_table_by_a_column_and_its_own_level_is_refused(tmp_path: Path) -> None:
    found = declarations(tmp_path, tax={"nuts2": 4}, welfare={"nuts2": 4}, census={"nuts2": 4})
    with pytest.raises(SpecError, match="one column at several levels"):
        check.check_job(job(["region", "region@nuts2"]), registry.find("joint-count").manifest, found, 1)


def test_the_other_level_of_the_same_rows_is_for_a_person_to_weigh(tmp_path: Path) -> None:
    found = declarations(tmp_path, tax={"nuts2": 4}, welfare={"nuts2": 4}, census={"nuts2": 4})
    for dropping in (False, True):
        said = {party: one.model_copy(update={"missing": "drop"}) if dropping else one for party, one in found.items()}
        fine, coarse, ages = (_released(job(by, **more), said) for by, more in (
            (["region"], {}), (["region@nuts2"], {}),
            (["region@nuts2"], {"parties": {party: {"dataset": "d", "where": "age < 49"} for party in found}}),
        ))  # fmt: skip
        assert _side(coarse, fine) is _side(fine, coarse) is Side.RELATED
        assert _side(coarse, coarse) is Side.SAME_CELLS
        assert _side(coarse, ages) is Side.UNCLEAR


def _side(new: Release, old: Release) -> Side:
    return compare(new, old, "tax", persons_apart=True)


def _released(job: Job, declared: dict[str, Declaration]) -> Any:
    manifest = registry.find("joint-count").manifest
    used = {party: one.only(set(check.used_columns(job, manifest, party))) for party, one in declared.items()}
    proposal = Proposal(
        job=job, protocol_digest="sha256:" + "0" * 64, roster_digest="sha256:" + "0" * 64, threshold=1,
        declarations=used, proposed_at=0, approve_before=1, nonce="0" * 32,
    )  # fmt: skip
    return release(proposal, manifest)


def test_a_level_may_be_counted_and_chosen_by_where_its_column_may_and_not_otherwise_used() -> None:
    columns = {"region": ["group", "filter"], "kind": ["filter", "key"], "place@nuts1": ["group"]}
    allowed = DatasetPolicy.model_validate({"columns": columns})
    assert allowed.uses_of("region@nuts2") == {"group", "filter"}
    assert allowed.uses_of("kind@nuts2") == {"filter"}
    assert allowed.uses_of("place@nuts1") == {"group"}
    assert allowed.uses_of("place") == allowed.uses_of("place@nuts2") == allowed.uses_of("age@nuts2") == frozenset()


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ({"nuts2": {"EL301": "EL30"}}, "region: levels: nuts2: no code for EL302, EL411, EL412"),
        ({"nuts2": "EL"}, "expected a code for each value"),
        (["nuts2"], "expected one column nuts2 in its header"),
    ],
)
def test_a_level_that_leaves_codes_out_is_a_fault(tmp_path: Path, levels: Any, says: str) -> None:
    agency(tmp_path, "tax", levels)
    with pytest.raises(SpecError, match=says):
        load_datasets(tmp_path / "tax" / "datasets.yaml")


def test_check_counts_a_fault_once_and_others_see_which_codes_a_level_has(tmp_path: Path) -> None:
    agency(tmp_path, "tax", ["section"])
    with (tmp_path / "tax" / "d.csv").open("a") as file:
        file.write("nowhere,3\n")
    dataset = load_datasets(tmp_path / "tax" / "datasets.yaml").root["d"]
    report = dataset_check(dataset, "d", tmp_path / "tax")
    assert [one.column for one in report.columns] == ["region", "age"]
    assert len(report.faults) == 1
    level = dataset.declaration.only({"region@section"}).columns["region@section"]
    assert isinstance(level, CategoryColumn)
    assert level.values == ("south", "north")
    assert level.groups == dict(zip(VALUES, ["south"] * 2 + ["north"] * 2, strict=True))


def test_rows_whose_code_is_in_another_group_now_have_changed(tmp_path: Path) -> None:
    old = dict(zip(VALUES, "1122", strict=True))
    for party, groups in (("tax", old), ("welfare", {**old, "EL302": "2"})):
        agency(tmp_path, party, {"half": groups})
    prints = []
    for party in ("tax", "welfare"):
        dataset = load_datasets(tmp_path / party / "datasets.yaml").root["d"]
        with open_table(dataset, "d", tmp_path / party, ["region@half"]) as source:
            prints.append(fingerprints_of(source, [["region@half"]]))
    assert prints[0].keys() == prints[1].keys()
    assert [name for name in prints[0] if prints[0][name] == prints[1][name]] == ["all rows"]
