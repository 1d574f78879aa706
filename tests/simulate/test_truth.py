"""`mpcgov simulate --truth`: precision, recall and F1 beside the result, by real workers; and files that are wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.cli.main import run
from mpcgov.errors import SpecError
from mpcgov.publish import curve
from mpcgov.rules.protections import NO_PRECISION
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.trial import steps, truth
from tests.linked import agencies

VECTORS = registry.find("record-linkage").folder / "vectors"


def vector(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def job(**params: Any) -> Job:
    one = vector("links")
    return validate(agencies.job_of("record-linkage", one | {"params": one["params"] | params}), Job, "job")


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_job_that_counts_is_judged_by_the_links_it_would_name(tmp_path: Path, capsys: Any) -> None:
    one = vector("links")
    pairs = one["released"]["links"]
    one["params"] |= {"output": "count", "by": ["tax.sex"]}
    path = agencies.write(tmp_path, "record-linkage", one)
    lines = [f"{b},{a}" for a, b in pairs[1:]] + ["no such,pair"]
    file = write(tmp_path / "truth.csv", "wel.no,tax.id", *lines)
    assert run(["simulate", str(path), "--agencies", str(tmp_path / "agencies"), "--truth", str(file), "--json"]) == 0
    output = capsys.readouterr()
    result = json.loads(output.out)
    assert list(result["tables"]) == ["count"]
    # Who looks at a count without the truth is told that nothing says how good it is; here it is said.
    assert NO_PRECISION in result["protection"]["caveats"]
    assert NO_PRECISION not in output.err
    assert run(["simulate", str(path), "--agencies", str(tmp_path / "agencies")]) == 0
    assert f"note: {NO_PRECISION}" in capsys.readouterr().err
    share = (len(pairs) - 1) / len(pairs)
    assert result["quality"] == {"precision": share, "recall": share, "f1": pytest.approx(share)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "param", "values"),
    [
        ("links", "threshold", ("0.7", "0.75", "0.8")),
        pytest.param("probable-blocks", "min_probability", ("0.05", "0.9", "0.999"), marks=pytest.mark.slow),
    ],
)
def test_steps_run_the_job_at_other_values_and_draw_them(
    tmp_path: Path, capsys: Any, monkeypatch: Any, name: str, param: str, values: tuple[str, str, str]
) -> None:
    low, own, high = values
    for others in ("PROBABILITIES", "THRESHOLDS"):
        monkeypatch.setattr(steps, others, (low, high))
    one = vector(name)
    one["params"] |= {"identify": {"tax": "id", "wel": "no"}, param: own}
    path = agencies.write(tmp_path, "record-linkage", one)
    file = write(tmp_path / "truth.csv", "tax.id,wel.no", "a0,0")
    command = ["simulate", str(path), "--agencies", str(tmp_path / "agencies")]
    assert run([*command, "--truth-steps"]) == 2
    assert run([*command, "--truth", str(file), "--truth-plot", "x.png"]) == 2
    capsys.readouterr()
    plot = tmp_path / "steps.svg"
    assert run([*command, "--truth", str(file), "--truth-steps", "--truth-plot", str(plot), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    told, quality = result["tables"].get("quality"), result["quality"]
    # Of so few links estimates come with wide intervals; a Dice threshold has no estimates.
    assert (told is None) == (param == "threshold")
    assert told is None or all(high - low > 10 for row in told["intervals"]["rows"] for low, high in row)
    found = quality.pop("steps")
    assert [step[param] for step in found] == [low, own, high]
    assert {name: found[1][name] for name in quality} == quality
    assert found[0]["links"] >= found[1]["links"] >= found[2]["links"]
    assert re.findall(r'font-weight="bold">([^<]*)<', plot.read_text(encoding="utf-8")) == [own]


def test_steps_are_the_jobs_own_parameter_and_value() -> None:
    assert steps.of(job(threshold="0.72"))[1:] == ("0.72", ("0.5", "0.6", "0.65", "0.7", "0.72", *steps.THRESHOLDS[4:]))
    assert steps.of(job(threshold="0.70"))[:2] == ("threshold", "0.70")
    assert "0.7" not in steps.of(job(threshold="0.70"))[2]
    probable = validate(agencies.job_of("record-linkage", vector("probable-blocks")), Job, "job")
    assert steps.of(probable) == ("min_probability", "0.5", steps.PROBABILITIES)


def test_a_step_at_which_too_few_are_linked_has_no_numbers_and_no_dot() -> None:
    none = {"min_probability": "0.9", "links": None, "precision": None, "recall": None, "f1": None}
    some = {"min_probability": "0.5", "links": 7, "precision": 1.0, "recall": 0.5, "f1": 2 / 3}
    assert curve.drawn("min_probability", [some, none], "0.5").count(b"<circle") == 2
    assert curve.drawn("min_probability", [none], "0.9").count(b"<circle") == 0
    result = {"tables": {"count": {"rows": [[None]]}, "links": {"rows": []}}}
    assert set(truth.quality(result, {("a", "1")}).values()) == {None}


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["tax.id,wel.id"], "expected the header tax.id,wel.no"),
        (["tax.id"], "expected the header"),
        ([""], "expected the header"),
        (["tax.id,wel.no", "a,b,c"], "a row without exactly two values"),
    ],
)
def test_a_file_that_is_not_the_truth_of_the_job_is_refused(tmp_path: Path, lines: list[str], fault: str) -> None:
    with pytest.raises(SpecError, match=fault):
        truth.read(write(tmp_path / "truth.csv", *lines), job())


def test_a_job_that_identifies_no_records_has_no_truth(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="which columns identify"):
        truth.read(tmp_path / "truth.csv", job(identify={"tax": "id"}))


def test_a_byte_order_mark_and_quotes_are_fine(tmp_path: Path) -> None:
    file = write(tmp_path / "truth.csv", "\ufefftax.id,wel.no", '"a, b",7', "")
    assert truth.read(file, job()) == {("a, b", "7")}


@pytest.mark.parametrize(
    ("found", "right", "expected"),
    [
        ([], set(), (None, None, None)),
        ([], {("a", "1")}, (None, 0.0, 0.0)),
        ([["a", 1]], set(), (0.0, None, 0.0)),
        ([["a", 1], ["b", 2]], {("a", "1"), ("c", "3"), ("d", "4")}, (0.5, 1 / 3, 0.4)),
    ],
)
def test_quality_is_null_where_there_is_nothing_to_divide_by(found: Any, right: Any, expected: Any) -> None:
    result = {"tables": {"links": {"rows": found}}}
    assert tuple(truth.quality(result, right).values()) == expected
