"""Whole jobs with noise, through real workers: what a receiver gets, and how it is marked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mpcgov.cli import render
from mpcgov.errors import SpecError
from mpcgov.trial.simulation import simulate
from tests.linked import agencies
from tests.simulate.result_file import checked

GAUSSIAN = {"mechanism": "discrete-gaussian", "rho": "0.5"}
SIZES = {"none": 0, "few": 12, "more": 300, "many": 900}


@pytest.mark.parametrize(
    ("parties", "threshold", "noise"),
    [
        (3, 1, {"mechanism": "discrete-laplace", "epsilon": "1.0"}),
        (5, 2, {"mechanism": "discrete-gaussian", "rho": "0.5"}),
    ],
)
def test_r28_counts_with_noise_are_near_and_marked_as_noisy(
    workspace, capsys: pytest.CaptureFixture[str], parties: int, threshold: int, noise: dict[str, str]
) -> None:
    """Two parties bring rows; the others deal noise only."""
    workspace.domains = {"group": list(SIZES)}
    rows = [{"group": group, "age": "1"} for group, size in SIZES.items() for _ in range(size)]
    for i in range(parties):
        workspace.agency(f"p{i}", rows[i::2] if i < 2 else None)
    asked = {"min_count": 10, "noise": noise | {"unit": "person", "bound": 1}}
    result = simulate(workspace.job(["group"], disclosure=asked), workspace.folder, threshold)

    table, marked = result["tables"]["count"], result["disclosure"]["noise"]
    assert (
        marked.items() >= (noise | {"unit": "person", "bound": 1, "parties": parties, "threshold": threshold}).items()
    )
    spread = marked["numbers"]["count.count"]
    assert 2 < spread["deviation"] < 6
    for (group, count), ends in zip(table["rows"], table["intervals"]["rows"], strict=True):
        if count is None:
            assert SIZES[group] < 10 + 14 * spread["deviation"]
            assert ends == [None]
        else:
            assert abs(count - SIZES[group]) < 14 * spread["deviation"]
            assert ends == [[max(0, count - spread["half_width"]), count + spread["half_width"]]]
    assert [table["intervals"]["level"], table["intervals"]["columns"]] == [0.95, ["count"]]
    assert checked(result).disclosure.noise is not None
    assert json.loads(json.dumps(result)) == result

    render.print_result(result)
    shown = capsys.readouterr().out
    assert "95% within" in shown
    assert f"{table['rows'][3][1]:,}  " in shown
    assert f"All numbers are noisy, which protects each person: {noise['mechanism']}" in shown


def test_a_key_bounds_the_rows_of_one_unit_and_is_of_no_use_without_noise(workspace) -> None:
    """Three persons have hundreds of rows each, and count for two each at every register."""
    workspace.domains = {"group": ["a", "b"]}
    for i in range(3):
        workspace.agency(f"p{i}", [{"group": "a", "age": str(age)} for age in (1, 2, 3) for _ in range(200)])
    part = {"dataset": "people", "key": "age"}
    noise = {"mechanism": "discrete-laplace", "epsilon": "10", "unit": "person", "bound": 2}
    job = {"parties": dict.fromkeys(workspace.rows, part), "disclosure": {"min_count": 3, "noise": noise}}
    ((_, count), _) = simulate(workspace.job(["group"], **job), workspace.folder)["tables"]["count"]["rows"]
    assert 10 <= count <= 26
    for changes, says in (
        ({"disclosure": {}}, "only noise has a use for it"),
        ({"parties": {p: {"dataset": "people", "key": "shoe"} for p in workspace.rows}}, "no column shoe"),
    ):
        with pytest.raises(SpecError, match=says):
            simulate(workspace.job(["group"], **job | changes), workspace.folder)


def test_linked_means_with_noise_come_with_intervals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = [f"p{i}" for i in range(600)]
    vector = {
        "what": "noise",
        "declared": {
            "tax": {"id": {"kind": "key"}, "income": {"kind": "decimal", "min": 0, "max": 5000, "places": 2}},
            "edu": {"id": {"kind": "key"}, "level": {"kind": "category", "values": ["ba", "ma"]}},
        },
        "keys": {"tax": ["id"], "edu": ["id"]},
        "tables": {
            "tax": {"columns": ["id", "income"], "rows": [[p, f"{1000 + i}.50"] for i, p in enumerate(people)]},
            "edu": {"columns": ["id", "level"], "rows": [[p, "ma" if i % 3 else "ba"] for i, p in enumerate(people)]},
            "statistics": None,
        },
        "params": {"by": ["edu.level"], "measures": ["tax.income"]},
        "rules": {"join": "inner", "min_count": 10, "round_to": None},
    }
    noise = {"mechanism": "discrete-laplace", "epsilon": "2", "unit": "person", "bound": 1}
    noise |= {"clamp": {"tax.income": [0, "2000.00"]}, "consistent": True}
    job = agencies.write(tmp_path, "linked-statistics", vector, disclosure={"min_count": 10, "noise": noise})
    result = simulate(job, tmp_path / "agencies")
    table = result["tables"]["statistics"]
    assert table["columns"] == ["edu.level", "count", "tax.income.mean", "tax.income.variance"]
    exact = {"ba": (200, 1299.0), "ma": (400, 1300.5)}
    for (level, count, mean, variance), ends in zip(table["rows"], table["intervals"]["rows"], strict=True):
        assert abs(count - exact[level][0]) < 40
        assert abs(mean - exact[level][1]) < 300
        assert 0 <= variance <= 2000**2 / 4 * 1.02
        assert [low <= number <= high for number, (low, high) in zip((count, mean, variance), ends, strict=True)]
    assert checked(result).protection.numbers == "noisy"
    assert "measure-owner" not in json.dumps(result["learned"])  # what exact sums would tell
    render.print_result(result)
    assert capsys.readouterr().out.count("95% within") == 3


def test_r34_rules_on_exact_data_are_refused_beside_noise(workspace) -> None:
    workspace.domains = {"group": ["a", "b"]}
    for i in range(3):
        workspace.agency(f"p{i}", [])
    noise = {"mechanism": "discrete-laplace", "epsilon": "1.0", "unit": "person", "bound": 1}
    for rule in ({"contributors": 3}, {"dominance": 10}):
        with pytest.raises(SpecError, match="not together with noise"):
            simulate(workspace.job(["group"], disclosure=rule | {"noise": noise}), workspace.folder)


def test_statistics_of_unlinked_rows_with_noise_come_with_intervals(workspace) -> None:
    """Means of ages over two agencies' rows, through real workers."""
    workspace.domains = {"group": ["a", "b"]}
    ages = {"a": [20 + i % 40 for i in range(800)], "b": [50 + i % 20 for i in range(400)]}
    rows = [{"group": group, "age": str(age)} for group, found in ages.items() for age in found]
    for i in range(3):
        workspace.agency(f"p{i}", rows[i::2] if i < 2 else None)
    noise = {"mechanism": "discrete-gaussian", "rho": "1", "unit": "person", "bound": 1}
    job = {
        "protocol": "joint-statistics",
        "params": {"by": ["group"], "measures": ["age"]},
        "disclosure": {"noise": noise | {"clamp": {"age": ["18", "70"]}}},
    }
    table = simulate(workspace.job(["group"], **job), workspace.folder)["tables"]["statistics"]
    for (group, count, mean, variance), ends in zip(table["rows"], table["intervals"]["rows"], strict=True):
        exact = sum(ages[group]) / len(ages[group])
        assert abs(count - len(ages[group])) < 60
        assert abs(mean - exact) < 6
        assert [low <= number <= high for number, (low, high) in zip((count, mean, variance), ends, strict=True)]
        assert abs(variance - sum((age - exact) ** 2 for age in ages[group]) / (len(ages[group]) - 1)) < 200


@pytest.mark.by_day(1)
@pytest.mark.parametrize("consistent", [False, True])
@pytest.mark.parametrize(
    "mechanism", [{"mechanism": "discrete-laplace", "epsilon": "3"}, GAUSSIAN], ids=["pure", "zcdp"]
)
def test_noisy_tables_add_up_to_noisy_totals(
    workspace, capsys: pytest.CaptureFixture[str], mechanism: dict[str, str], consistent: bool
) -> None:
    """Of cells that are all shown the totals are the sums; of others they are near the exact totals, none is negative,
    and no total is less than its shown cells are together, if that was asked for."""
    workspace.domains = {"region": ["North", "South", "East"], "sex": ["F", "M", "X", "Y"]}
    sizes = {"North": (200, 300, 250, 400), "South": (90, 3, 5, 60), "East": (0, 0, 0, 0)}
    sexes = workspace.domains["sex"]
    rows = [
        {"region": region, "sex": sex, "age": "1"}
        for region, cells in sizes.items()
        for sex, size in zip(sexes, cells, strict=True)
        for _ in range(size)
    ]
    for i in range(3):
        workspace.agency(f"p{i}", rows[i::3])
    noise = mechanism | {"unit": "person", "bound": 1, "consistent": consistent}
    job = workspace.job(["region", "sex"], disclosure={"min_count": 40, "margins": True, "noise": noise})
    result = simulate(job, workspace.folder)

    tables, numbers = result["tables"], result["disclosure"]["noise"]["numbers"]
    cells = {(region, sex): count for region, sex, count in tables["count"]["rows"]}
    by_region = dict(tables["margins.region"]["rows"])
    assert by_region["North"] == sum(cells["North", sex] for sex in sexes)
    assert by_region["East"] is None
    assert tables["margins.region"]["intervals"]["rows"][2] == [None]
    ((whole,),) = tables["margins"]["rows"]
    for region in ("North", "South"):
        spread = numbers["margins.region.count"]
        assert abs(by_region[region] - sum(sizes[region])) < 5 * spread["half_width"]
        shown = sum(cells[region, sex] or 0 for sex in sexes)
        assert by_region[region] >= shown or not consistent
        assert by_region[region] <= shown + 39 * sum(cells[region, sex] is None for sex in sexes)
    assert abs(whole - len(rows)) < 5 * numbers["margins.count"]["half_width"]
    ((low, high),) = tables["margins"]["intervals"]["rows"][0]
    assert low < whole < high
    assert (whole - low > high - whole) == consistent
    assert result["disclosure"]["margins"] == "released"
    assert result["disclosure"]["total"] == sum(count or 0 for count in cells.values())

    render.print_result(result)
    assert "The totals are of all noisy cells, suppressed ones included." in capsys.readouterr().out


def test_linked_counts_with_noise_have_totals(tmp_path: Path) -> None:
    people = [f"p{i}" for i in range(400)]
    levels, regions = ["ba", "ma"], ["N", "S"]
    vector = {
        "what": "noise",
        "declared": {
            "tax": {"id": {"kind": "key"}, "region": {"kind": "category", "values": regions}},
            "edu": {"id": {"kind": "key"}, "level": {"kind": "category", "values": levels}},
        },
        "keys": {"tax": ["id"], "edu": ["id"]},
        "tables": {
            "tax": {"columns": ["id", "region"], "rows": [[p, regions[i % 2]] for i, p in enumerate(people)]},
            "edu": {"columns": ["id", "level"], "rows": [[p, levels[i // 2 % 2]] for i, p in enumerate(people)]},
            "count": None,
        },
        "params": {"by": ["tax.region", "edu.level"]},
        "rules": {"join": "inner", "min_count": 10, "round_to": None},
    }
    noise = {"mechanism": "discrete-laplace", "epsilon": "5", "unit": "person", "bound": 1}
    rules = {"min_count": 10, "margins": True, "noise": noise}
    result = simulate(agencies.write(tmp_path, "linked-count", vector, disclosure=rules), tmp_path / "agencies")
    tables = result["tables"]
    counts = [count for *_, count in tables["count"]["rows"]]
    assert [count for _, count in tables["margins.tax.region"]["rows"]] == [sum(counts[:2]), sum(counts[2:])]
    assert [count for _, count in tables["margins.edu.level"]["rows"]] == [sum(counts[::2]), sum(counts[1::2])]
    assert tables["margins"]["rows"] == [[sum(counts)]]
    assert abs(sum(counts) - 400) < 20
