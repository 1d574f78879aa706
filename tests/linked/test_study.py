"""The made-up tax and education registers: the same every time, as declared, and with jobs that pass the checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mpcgov import registry
from mpcgov.jobs import check
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml
from mpcgov.spec.table import Datasets
from mpcgov.worker.report import dataset_check

SCRIPT = Path(__file__).parents[2] / "scripts" / "make-study"


def made(folder: Path, payments: int = 20_000, students: int = 1000) -> Path:
    arguments = [str(folder), "--payments", str(payments), "--students", str(students)]
    subprocess.run([sys.executable, str(SCRIPT), *arguments], check=True)
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("study"))


def test_the_same_arguments_give_the_same_files(study: Path, tmp_path: Path) -> None:
    again = made(tmp_path)
    files = sorted(path.relative_to(study) for path in study.rglob("*") if path.is_file())
    assert len(files) == 6
    assert all((study / path).read_bytes() == (again / path).read_bytes() for path in files)


def test_the_registers_are_as_declared(study: Path) -> None:
    for party in ("tax", "education"):
        home = study / "agencies" / party
        for name, dataset in load_yaml(home / "datasets.yaml", Datasets).root.items():
            assert dataset_check(dataset, name, home).faults == ()


def test_there_are_several_payments_for_most_who_work_and_one_enrolment_for_each_student(study: Path) -> None:
    payments = pq.read_table(study / "agencies/tax/payments.parquet")
    students = pq.read_table(study / "agencies/education/enrolments.parquet")
    assert (len(payments), len(students)) == (20_000, 1000)
    assert len(pc.unique(students["person"])) == 1000
    payers = pc.unique(payments["person"])
    assert 1000 < len(payers) < 1350
    both = pc.sum(pc.is_in(students["person"], payers)).as_py()
    assert 700 < both < 1000
    assert {len(code) for code in payers.to_pylist()} == {11}


def test_the_jobs_pass_the_checks(study: Path) -> None:
    paths = sorted((study / "jobs").glob("*.yaml"))
    assert len(paths) == 2
    for path in paths:
        job = load_yaml(path, Job)
        manifest = registry.read(registry.folders()[0] / job.protocol_name).manifest
        declarations = {}
        for party in job.data_parties:
            (dataset,) = load_yaml(study / "agencies" / party / "datasets.yaml", Datasets).root.values()
            declarations[party] = dataset.declaration.only(set(check.used_columns(job, manifest, party)))
        check.check_job(job, manifest, declarations, 1)
