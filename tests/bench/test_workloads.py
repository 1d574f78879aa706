"""The data are the same everywhere and the answers that contenders are held to are right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mpcgov import figures
from mpcgov.bench import compared
from mpcgov.bench.peers import records
from mpcgov.bench.workloads import PLACES, WORKLOADS, Task
from mpcgov.errors import InternalError

OWNERS = ("left", "right")
ROOT = Path(__file__).resolve().parents[2]


def columns(task: Task, name: str) -> list[int]:
    return [int(value) for data in task.inputs for value in data.get(name, np.array([], int)).reshape(-1)]


def test_sum_is_the_sum_of_the_three_tables() -> None:
    task = WORKLOADS["W1"].make(50)
    a, b, c = (data["table"] for data in task.inputs)
    assert task.expected.tolist() == [int(x) + int(y) + int(z) for x, y, z in zip(a, b, c, strict=True)]
    assert max(columns(task, "table")).bit_length() == 32


def test_comparisons_are_strict_and_some_pairs_are_equal() -> None:
    task = WORKLOADS["W5"].make(50)
    pairs = list(zip(columns(task, "x"), columns(task, "y"), strict=True))
    assert task.expected.tolist() == [int(x < y) for x, y in pairs]
    assert 5 <= sum(x == y for x, y in pairs) < 50


def test_sort_is_of_all_parties_values_with_equal_ones_among_them() -> None:
    task = WORKLOADS["W6"].make(50)
    assert [len(data["values"]) for data in task.inputs] == [17, 17, 16]
    assert task.expected.tolist() == sorted(columns(task, "values"))
    assert len(set(columns(task, "values"))) < 50


def test_regression_solves_the_normal_equations_of_all_rows() -> None:
    task = WORKLOADS["W7"].make(400)
    x = np.concatenate([data["x"] for data in task.inputs]) / PLACES
    y = np.concatenate([data["y"] for data in task.inputs]) / PLACES
    residuals = y - task.expected[0] - x @ task.expected[1:]
    assert np.abs(residuals.sum()) < 1e-9
    assert np.abs(residuals @ x).max() < 1e-9
    assert np.abs(residuals).max() > 0.1


def test_protected_counts_are_sums_far_from_the_threshold_and_two_in_three_are_hidden() -> None:
    task = WORKLOADS["W9"].make(60)
    sums = sum(data["counts"] for data in task.inputs)
    assert task.expected[::3].tolist() == sums[::3].tolist()
    assert min(task.expected[::3]) >= 3000
    assert set(task.expected[1::3]) == set(task.expected[2::3]) == {-1}


def test_overlap_is_half_of_two_lists_of_different_ids(tmp_path: Path) -> None:
    files = WORKLOADS["W2"].make(50).files
    assert files is not None
    expected = files(tmp_path)
    left, right = (pq.read_table(tmp_path / "agencies" / party / "rows.parquet")["id"].to_pylist() for party in OWNERS)
    assert (len(left), len(set(left)), len(set(right))) == (50, 50, 50)
    assert expected.tolist() == [len(set(left) & set(right))] == [25]
    assert {len(text) for text in left} == {11}


def test_means_are_those_of_a_plain_join_and_peers_read_the_same_rows(tmp_path: Path) -> None:
    files = WORKLOADS["W4"].make(400).files
    assert files is not None
    expected = files(tmp_path)
    tables = [pq.read_table(tmp_path / "agencies" / party / "rows.parquet").to_pylist() for party in OWNERS]
    amounts = {row["id"]: row["amount"] for row in tables[1]}
    found: dict[str, list[int]] = {f"group {number}": [] for number in range(10)}
    for row in tables[0]:
        if row["id"] in amounts:
            found[row["group"]].append(amounts[row["id"]])
    assert sum(map(len, found.values())) == 200
    assert expected.tolist() == pytest.approx([sum(values) / len(values) for values in found.values()])
    for party, rows in zip(OWNERS, tables, strict=True):
        lines = (tmp_path / "agencies" / party / "rows.csv").read_text().splitlines()[1:]
        assert lines == [",".join(map(str, row.values())) for row in rows]


def test_the_studys_answer_is_a_plain_join(tmp_path: Path) -> None:
    files = WORKLOADS["study"].make(60_000).files
    assert files is not None
    expected = files(tmp_path)
    payments = pq.read_table(tmp_path / "agencies/tax/payments.parquet").to_pylist()
    sectors: dict[str, str] = {}
    for row in payments:
        sectors[row["person"]] = "ict" if "ict" in (row["sector"], sectors.get(row["person"])) else "other"
    enrolled = pq.read_table(tmp_path / "agencies/education/enrolments.parquet").to_pylist()
    law = [row["graduated"] for row in enrolled if (row["field"], row["year"]) == ("law", "2007")]
    worked = [sectors.get(row["person"], "") for row in enrolled if (row["field"], row["year"]) == ("law", "2007")]
    least = figures.least_rows(2, figures.DIGITS, [2])
    assert max(map(worked.count, ("other", "ict", ""))) >= least
    place = 3 * (7 * 6 + 1)  # law is the seventh field, 2007 the second of seven years
    for offset, sector in enumerate(("other", "ict", "")):
        mean = [graduated for graduated, where in zip(law, worked, strict=True) if where == sector]
        assert expected[place + offset] == pytest.approx(
            sum(mean) / len(mean) if len(mean) >= least else float("nan"), nan_ok=True
        )
    assert len(expected) == 3 * 7 * 10


def made_up(name: str) -> list[dict[str, str]]:
    """Records as FEBRL's, persons in another order in each list."""
    last = "org" if name == "dataset4a" else "dup-0"
    persons = range(20) if last == "org" else reversed(range(20))
    empty = dict.fromkeys([*compared.FEBRL_TYPES, "soc_sec_id"], "x")
    return [{"rec_id": f"rec-{person}-{last}", **empty} for person in persons]


@pytest.mark.parametrize(("name", "first"), [("W3-febrl", 0), ("W3-febrl-60", 4)])
def test_lists_have_a_part_of_their_persons_in_common_and_links_are_judged_by_them(
    name: str, first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compared, "_febrl_rows", made_up)
    task = WORKLOADS[name].make(10)
    assert task.files is not None
    task.files(tmp_path)
    job = records.Task.read(str(tmp_path))
    left, right = ([row["rec_id"] for row in job.rows(owner)] for owner in OWNERS)
    assert sorted(left) == sorted(f"rec-{person}-org" for person in range(10))
    assert right == [f"rec-{person}-dup-0" for person in reversed(range(first, first + 10))]
    links = np.array([(f"rec-{person}-org", f"rec-{person}-dup-0") for person in range(first, 10)])
    assert task.read(links).tolist() == task.expected.tolist() == [1.0]
    half = links[: len(links) // 2].tolist()
    wrong = [["rec-9-org", "rec-8-dup-0"]]
    result = {"tables": {"links": {"rows": half + wrong}}}
    assert task.numbers(result).tolist() == [2 * len(half) / (len(half) + 1 + len(links))]


def test_registers_are_compared_without_the_number_by_everybody(tmp_path: Path) -> None:
    task = WORKLOADS["W3-registers"].make(300)
    assert task.files is not None
    task.files(tmp_path)
    job = records.Task.read(str(tmp_path))
    assert job.types == {"first_name": "name", "last_name": "name", "date_of_birth": "date", "sex": "code"}
    for owner in OWNERS:
        rows = job.rows(owner)
        assert len(rows) == 300
        assert list(rows[0]) == ["record_id", *job.types]
    truth = (ROOT / "examples/truth/tax+social-security.csv").read_text().splitlines()[1:]
    known = [{row["record_id"] for row in job.rows(owner)} for owner in OWNERS]
    pairs = [line.split(",") for line in truth]
    both = [pair for pair in pairs if pair[0] in known[0] and pair[1] in known[1]]
    assert len(both) > 3
    assert task.read(np.array(both)).tolist() == [1.0]
    assert task.read(np.array(pairs))[0] < 0.1


def test_a_populations_registers_have_four_in_five_in_common_and_most_of_these_in_one_block(tmp_path: Path) -> None:
    task = WORKLOADS["W3-million"].make(2000)
    assert task.files is not None
    task.files(tmp_path)
    lists = [pq.read_table(tmp_path / "agencies" / party / "rows.parquet").to_pylist() for party in OWNERS]
    left, right = ({row["id"][1:]: row for row in rows} for rows in lists)
    both = set(left) & set(right)
    assert (len(left), len(right), len(both)) == (2000, 2000, 1600)
    assert [row["id"][1:] for row in lists[0]] != sorted(left)
    differ = {name: np.mean([left[one][name] != right[one][name] for one in both]) for name in left["1"]}
    fields = dict.fromkeys(("first_name", "last_name", "born", "postcode"), (0.02, 0.12))
    assert all(low < differ[name] < high for name, (low, high) in fields.items()), differ
    in_one_block = [left[one]["born"][:4] == right[one]["born"][:4] for one in both]
    assert np.mean(in_one_block) > 0.95
    links = [[left[one]["id"], right[one]["id"]] for one in sorted(both)]
    assert task.numbers({"tables": {"links": {"rows": links}}}).tolist() == [1.0]
    wrong = [[links[0][0], links[1][1]]]
    assert task.numbers({"tables": {"links": {"rows": links[:799] + wrong}}}).tolist() == [2 * 799 / 2400]


def test_data_do_not_change_between_versions() -> None:
    assert WORKLOADS["W1"].make(2).inputs[0]["table"].tolist() == [4124598718, 273697337]


@pytest.mark.parametrize("wrong", [[1, 2, 4], [1, 2], [1, 2, float("nan")]])
def test_a_wrong_result_is_refused(wrong: list[float]) -> None:
    with pytest.raises(InternalError, match="SPU"):
        Task((), np.array([1, 2, 3])).check(np.array(wrong), "SPU")


def test_fixed_point_may_be_off_by_its_tolerance_and_no_more() -> None:
    task = Task((), np.array([1.0, 100.0]), tolerance=1e-6)
    task.check(np.array([1.00009, 100.0]), "mpcgov")
    task.check(np.array([1.09, 100.0]), "SPU", tolerance=1e-3)
    with pytest.raises(InternalError, match="1 of 2"):
        task.check(np.array([1.09, 100.0]), "mpcgov")
