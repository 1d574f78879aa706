"""YAML and JSON as configuration and as signed statements: what is text, what is refused, where faults are."""

import contextlib
import json
import subprocess
import sys
import time
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from mpcgov.errors import SpecError
from mpcgov.spec.job import Job
from mpcgov.spec.load import LIMIT_BYTES, Frozen, canonical_json, json_value, load_yaml, parse_json, parse_yaml
from mpcgov.spec.statement import PROPOSAL_LIMIT_BYTES
from mpcgov.spec.table import Dataset, Datasets, Declaration


class Anything(Frozen):
    value: object


class Many(Frozen):
    a: Annotated[tuple[int, ...], Field(strict=False)]


def parsed(text: str) -> object:
    return parse_yaml(f"value: {text}", Anything, "x.yaml").value


@pytest.mark.parametrize("text", ["NO", "on", "01", "1:30", "0x1F", "1_000", "2020-01-01", "0o17", "yes", ".5", "1."])
def test_scalars_that_other_yaml_versions_turn_into_something_else_are_text(text: str) -> None:
    assert parsed(text) == text


@pytest.mark.parametrize(("text", "value"), [("true", True), ("null", None), ("-12", -12), ("1.50", 1.5), ("'7'", "7")])
def test_core_schema_scalars_have_their_types(text: str, value: object) -> None:
    assert parsed(text) == value
    assert isinstance(parsed(text), type(value))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("value: &a 1\nother: *a", "anchors"),
        ("value: !!python/object:os.system x", "tags"),
        ("value: 1\nvalue: 2", "x.yaml:2: value stands twice"),
        ("value: [1", "not valid YAML"),
        ("value: " + "[" * 30 + "]" * 30, "nested too deeply"),
        ("value: " + "[" * 100_000, "nested too deeply"),
        ("- 1", "expected keys and values"),
        ("", "expected keys and values"),
        ("value: 1\nmore: 2", "x.yaml:2: more: unknown key"),
        ("a: \x00", "not valid YAML"),
        ("? [a, b]\n: 1", "a key must be text"),
    ],
)
def test_what_is_not_plain_configuration_is_refused_with_file_and_line(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says) as caught:
        parse_yaml(text, Anything, "x.yaml")
    assert caught.value.exit_status == 2
    assert str(caught.value).startswith("x.yaml")


def test_all_faults_are_reported_at_once_each_with_its_line(tmp_path) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_text(
        "people:\n  source: a.csv\n  surprise: 1\n  columns:\n"
        "    age: {kind: integer, min: 9, max: 1}\n    sex: {kind: gender}\n    born: {kind: date, min: 1900, max: x}\n"
    )
    with pytest.raises(SpecError) as caught:
        load_yaml(path, Datasets)
    lines = sorted(fault.removeprefix(str(path)).split(":")[1] for fault in caught.value.faults)
    assert lines == ["3", "5", "6", "7", "7"]


def test_a_fault_of_several_keys_together_has_the_line_of_the_one_it_begins_with() -> None:
    text = (
        "protocol: joint-count\npurpose: p\nlegal_basis: l\nparties: {a: {dataset: d}, b: {}, c: {}}\n"
        "disclosure:\n  min_count: 10\n  margins: true\n  round_to: 5\nreceivers: [coordinator]\n"
    )
    with pytest.raises(SpecError, match=r"x.yaml:7: disclosure: margins: not together with round_to"):
        parse_yaml(text, Job, "x.yaml")
    with pytest.raises(SpecError, match=r"x.yaml:8: receivers: nobody: neither a party of the job"):
        parse_yaml(text.replace("  round_to: 5\n", "").replace("[coordinator]", "[nobody]"), Job, "x.yaml")


def test_a_kind_that_there_isnt_is_told_with_those_that_there_are() -> None:
    with pytest.raises(SpecError, match=r"x.yaml:4: columns.c: kind: expected one of 'key', 'category', ") as caught:
        parse_yaml("source: a.csv\ncolumns:\n  c:\n    kind: gender\n", Dataset, "x.yaml")
    assert "Input" not in caught.value.line()


def test_numbers_stay_as_written_where_text_is_meant() -> None:
    text = "source: a.csv\ncolumns:\n  c: {kind: category, values: [1, 01, 1.50, no]}\n"
    dataset = parse_yaml(text, Dataset, "x.yaml")
    assert dataset.columns["c"].values == ("1", "01", "1.50", "no")


def test_a_file_that_is_too_long_or_not_utf8_is_refused(tmp_path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * (LIMIT_BYTES + 1))
    with pytest.raises(SpecError, match="longer than 1 MiB"):
        load_yaml(path, Anything)
    path.write_bytes(b"value: \xff")
    with pytest.raises(SpecError, match="not UTF-8"):
        load_yaml(path, Anything)
    with pytest.raises(SpecError, match="can't be read"):
        load_yaml(tmp_path / "none.yaml", Anything)


@pytest.mark.parametrize("data", [b'{"a":1,"a":2}', b"NaN", b"[Infinity]", b"{", b"\xff", b"[" * 100_000])
def test_json_that_two_readers_could_read_differently_is_refused(data: bytes) -> None:
    with pytest.raises(SpecError, match=r"not valid JSON|too many values"):
        json_value(data, "peer")


def test_json_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(SpecError, match="longer than 10 bytes"):
        parse_json(b'"%s"' % (b"x" * 20), Anything, "peer", 10)


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=6))
def test_canonical_json_keeps_the_order_of_keys_and_round_trips(value: dict) -> None:
    data = canonical_json(value)
    assert list(json.loads(data).items()) == list(value.items())
    assert canonical_json(json.loads(data)) == data


@given(st.text(max_size=300))
def test_arbitrary_text_is_a_value_or_a_spec_error_and_nothing_else(text: str) -> None:
    with contextlib.suppress(SpecError):
        assert isinstance(parse_yaml(text, Anything, "x.yaml"), Anything)


def test_a_missing_key_is_named_at_every_depth() -> None:
    with pytest.raises(SpecError, match=r"job\.yaml.*: receivers: missing"):
        parse_yaml("protocol: p\npurpose: a\nlegal_basis: b\nparties: {}\n", Job, "job.yaml")
    text = "people:\n  source: a.csv\n  columns:\n    age: {kind: integer, min: 0}\n"
    with pytest.raises(SpecError, match=r"d\.yaml:4: people\.columns\.age\..*max: missing"):
        parse_yaml(text, Datasets, "d.yaml")


@pytest.mark.parametrize("text", [b"1e999", b"-1e999", b"[1e400]", b"NaN", b"Infinity"])
def test_no_number_is_infinite(text: bytes) -> None:
    with pytest.raises(SpecError, match="not valid JSON"):
        json_value(text, "wire")


def test_a_statement_with_a_million_faults_is_refused_in_few_words_and_little_time() -> None:
    """Else one request of 1 MB keeps a node busy for seconds, and is answered by 32 MB."""
    started = time.process_time()
    for body in (b"[" + b"0," * 500_000 + b"0]", b'{"a":[' + b"{}," * 16_000 + b"{}]}"):
        with pytest.raises(SpecError) as caught:
            parse_json(body, Many, "request")
        assert len(caught.value.message) < 200
    assert time.process_time() - started < 1


def test_of_many_faults_the_first_are_shown_and_the_others_counted() -> None:
    with pytest.raises(SpecError) as caught:
        parse_json(b'{"a":[' + b'"x",' * 99 + b'"x"]}', Many, "request")
    assert len(caught.value.faults) == 21
    assert caught.value.faults[-1] == "request: and 80 more"


def test_a_fault_doesnt_quote_a_key_of_any_length() -> None:
    with pytest.raises(SpecError) as caught:
        parse_json(b'{"a":[],"' + b"k" * 100_000 + b'":1}', Many, "request")
    assert len(caught.value.message) <= 500


def test_a_statement_may_hold_the_longest_lists_of_codes_of_several_parties() -> None:
    column = {"kind": "category", "values": [f"{code:05d}" for code in range(100_000)]}
    value = {"value": {party: {"home": column, "work": column} for party in ("tax", "health", "labour")}}
    parse_json(canonical_json(value), Anything, "proposal", PROPOSAL_LIMIT_BYTES)
    declaration = Declaration.model_validate({"columns": {"home": column}})
    assert parse_json(canonical_json(declaration.model_dump(mode="json")), Declaration, "declaration") == declaration


@pytest.mark.parametrize("item", [b"{}", b"[]", b"0"])
def test_more_values_than_a_statement_of_this_length_needs_are_refused_unread(item: bytes) -> None:
    data = b'{"value":[' + b",".join([item] * (2_200_000 if item == b"0" else 70_000)) + b"]}"
    with pytest.raises(SpecError, match="too many values"):
        parse_json(data, Anything, "proposal", PROPOSAL_LIMIT_BYTES)


HOSTILE = """
import resource
from mpcgov.errors import SpecError
from mpcgov.spec.load import parse_json
from mpcgov.spec.statement import PROPOSAL_LIMIT_BYTES, Proposal
data = b'{"a":[' + b",".join([b'"%06d"' % i for i in range(1_500_000)]) + b"]}"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    parse_json(data, Proposal, "proposal", PROPOSAL_LIMIT_BYTES)
except SpecError as error:
    assert "proposal: job: missing" in error.message and "proposal: a: unknown key" in error.message
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before >> 10)
"""


def test_what_a_statement_lacks_is_said_without_a_copy_of_it_for_each_fault() -> None:
    """Without `_key_faults` it is 1.2 GB, in MiB."""
    run = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 400
