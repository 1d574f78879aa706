"""The words of the coordinator's pages: every language says everything, with the same gaps, and nothing besides."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import pytest

from mpcgov import publish, registry
from mpcgov.console.texts import catalogue
from mpcgov.coordinator.ledgers import SAYS
from mpcgov.kinds.footers import of_counts
from mpcgov.node.standing import QUEUED
from mpcgov.node.timings import PHASES
from mpcgov.office.app import PACKAGES, TABS
from mpcgov.office.compose import RULES
from mpcgov.office.conditions import OPERATORS
from mpcgov.office.fields import KNOWN, NUMBERS, by_form
from mpcgov.rules.protections import own_caveats, sentences
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml
from tests.console.test_texts import GAPS

EXAMPLES = Path(__file__).parents[2] / "examples/jobs"
FOLDER = Path(str(resources.files("mpcgov.office")))
BY_PART = ("tab.", "plan.", "param.", "name.", "phase.", "step.", "format.", "answer.", "op.", "rule.", "method.",
           "join.", "noise.", "every.", "run.", "state.", "kind.", "use.", "who.")  # fmt: skip


def words(language: str) -> dict[str, str]:
    return json.loads((FOLDER / "texts" / f"{language}.json").read_text(encoding="utf-8"))["words"]


def test_german_says_everything_with_the_same_gaps() -> None:
    english, german = words("en"), words("de")
    assert list(english) == list(german)
    for key, text in english.items():
        assert set(GAPS.findall(text)) == set(GAPS.findall(german[key])), key
        assert german[key].strip()


def test_every_word_that_a_page_asks_for_is_there_and_none_besides() -> None:
    pages = "".join(path.read_text() for path in (FOLDER / "templates").glob("*.html"))
    asked = set(re.findall(r"""\bt\(\s*["']([\w.-]+)["']\s*[,)]""", pages))
    own, known = words("en"), catalogue("en", PACKAGES).words
    assert asked - set(known) == set()
    above = {"product", "footer", "noscript", "compose.vetted", "compose.experimental"}
    assert {key for key in own if not key.startswith(BY_PART)} - asked - above == set()
    needed = {f"tab.{tab}" for tab in TABS} | {f"op.{op}" for op in OPERATORS} | {f"rule.{rule}" for rule in RULES}
    needed |= {f"param.{kind}" for kind in KNOWN} | {f"name.{name}" for name in NUMBERS}
    needed |= {f"answer.{answer}" for answer in (*SAYS, "silent")} | {f"format.{one}" for one in publish.FORMATS}
    headings = re.findall(r'\("([A-Z][a-z ]+)", ', (FOLDER.parent / "coordinator" / "explain.py").read_text())
    assert needed | {f"plan.{heading}" for heading in headings if heading != "Nodes would say"} <= set(known)


def test_sentences_in_german_have_the_gaps_of_the_english_ones() -> None:
    for one in catalogue("de", PACKAGES).sentences:
        assert set(GAPS.findall(one.here)) <= set(one.pattern.groupindex), one.here
    said = str(catalogue("de", PACKAGES).sentence("tax: people, rows where age < 3; uses age; stays there"))
    assert said == "tax: people, Zeilen mit age &lt; 3; verwendet age; bleibt dort"


def test_every_phase_of_a_job_is_said_in_every_language() -> None:
    for language in ("en", "de"):
        assert {f"phase.{name}" for name in (*PHASES, QUEUED)} <= set(words(language))


@pytest.mark.parametrize("name", registry.names())
def test_all_that_a_protocol_of_ours_says_is_said_in_german(name: str) -> None:
    """What approvers read of it, and what coordinators do: whoever changes its words changes the catalogue."""
    manifest = registry.find(name).manifest
    approvers = [manifest.title, *(leak.what for leak in manifest.leakage)]
    fields = manifest.params.values() if by_form(manifest) else ()
    coordinators = [*approvers, manifest.summary, *(field.what for field in fields)]
    for packages, said in ((PACKAGES[1:], approvers), (PACKAGES, coordinators)):
        english = [one for one in said if "lang=" in str(catalogue("de", packages).sentence(one))]
        assert english == [], "add them to the sentences of texts/de.json"


def test_what_protects_people_and_what_stands_below_tables_is_said_in_german() -> None:
    german = catalogue("de", PACKAGES)
    base = {"purpose": "p", "legal_basis": "b", "parties": {"a": {"dataset": "d"}, "b": {"dataset": "d"}, "c": {}},
            "protocol": "joint-count", "params": {"by": ["x", "y"]}, "receivers": ["a"]}  # fmt: skip
    noise = {"mechanism": "discrete-laplace", "epsilon": "1.0", "unit": "person", "bound": 1}
    rules = [{"min_count": 10, "round_to": 5}, {"min_count": 10, "margins": True}, {"min_count": 10, "contributors": 3},
             {"min_count": 10, "noise": noise, "margins": True}]  # fmt: skip
    jobs = [Job.model_validate(base | {"disclosure": one}) for one in rules]
    jobs += [load_yaml(path, Job) for path in sorted(EXAMPLES.glob("*.yaml"))]
    said = []
    for job in jobs:
        manifest = registry.find(job.protocol_name).manifest
        said += [*sentences(job, manifest), *own_caveats(job, manifest)]
    why = {"min_count": 10, "round_to": 5, "without": ["a"], "closed": ["b", "c"], "contributors": 2}
    why |= {"margins": "released"}
    for rows in ([[None], [None], [12]], [[None]], [[9]]):
        said += of_counts(rows, 0, why) + of_counts(rows, 0, why | {"margins": "suppressed", "noise": noise})
        said += of_counts(rows, 0, why | {"margins": "suppressed"})
    english = [one for one in said if "lang=" in str(german.sentence(one))]
    assert english == [], "add them to the sentences of texts/de.json"
