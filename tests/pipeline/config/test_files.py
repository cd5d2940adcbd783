"""YAML and CSV files that could be read in two ways are refused, with the line and what to do."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config import read
from pipeline.config.files import number, read_yaml
from pipeline.planning.measured_steps import read as measured
from pipeline.planning.plan import Plan

FILES = (
    "config.yaml",
    "losses.yaml",
    "scale/ci.yaml",
    "tables/mae_loss/table3.yaml",
    "tables/published.csv",
    "claims/mae_loss.csv",
)
Edit = Callable[[bytes], bytes]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped configuration in the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config", "config")
    return Path("config")


def plan(folder: Path) -> Plan:
    return Plan.from_config({**read.values(folder), "scale": "ci", "tables": ["mae_loss/table3"]}, folder)


def refusal(folder: Path, file: str, edit: Edit) -> str:
    """Edit `file`, and return the one line that planning then refuses it with."""
    path = folder / file
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(UserError) as caught:
        plan(folder)
    said = str(caught.value)
    assert "\n" not in said and file in said
    return said


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda content: content.decode().encode("utf-16"),
            "is in UTF-16 or another encoding of several bytes; save it",
        ),
        (lambda content: content.decode().encode("utf-16-le"), "is in UTF-16 or another encoding of several bytes"),
        (
            lambda content: "# é\n".encode("latin-1") + content,
            ", line 1: byte 0xe9 is not UTF-8; save the file as UTF-8",
        ),
    ],
    ids=["UTF-16", "UTF-16 without a mark", "Latin-1"],
)
@pytest.mark.parametrize("file", FILES)
def test_another_encoding_than_utf8_is_refused(file: str, edit: Edit, message: str, folder: Path) -> None:
    assert message in refusal(folder, file, edit)


def test_a_mark_of_utf8_and_windows_line_ends_change_nothing(folder: Path) -> None:
    before = {name: job.spec.canonical() for name, job in plan(folder).jobs["train"].items()}
    for file in FILES:
        path = folder / file
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    changed = plan(folder)
    assert {name: job.spec.canonical() for name, job in changed.jobs["train"].items()} == before
    assert changed.configuration.claims["mae_loss/table3"]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("config.yaml", "\nscale: ci\n", "'scale' is given twice (first in line 4); keep one"),
        ("losses.yaml", "\nkmae: {}\n", "'kmae' is given twice"),
        ("scale/ci.yaml", "\nnetworks: {}\n", "'networks' is given twice"),
        ("tables/mae_loss/table3.yaml", "\nsettings: [a]\n", "'settings' is given twice"),
        ("scale/ci.yaml", "\nlater: {tile: 1, tile: 2}\n", "'tile' is given twice"),
    ],
)
def test_a_key_or_section_given_twice_is_refused(file: str, text: str, message: str, folder: Path) -> None:
    lines = (folder / file).read_text(encoding="utf-8").count("\n") + 2
    said = refusal(folder, file, lambda content: content + text.encode())
    assert message in said and f"{file}, line {lines}: " in said


@pytest.mark.parametrize("text", ["010", "1:30", "1_0", "0x1f", "0b1", "-1:30.5", "1_0.5"])
def test_a_number_that_is_another_one_to_yaml_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(f"steps: {text}\n", encoding="utf-8")
    with pytest.raises(UserError, match=f"line 1: '{text}' can be read in two ways; write a plain number"):
        read_yaml(file)


def test_plain_numbers_are_taken_as_they_look(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text("[0, 7, -3, 10, 0.5, .5, 1., 1.0e-3, 1.0E+2, '010', 'a:b', a_b, .inf]\n", encoding="utf-8")
    expected = [0, 7, -3, 10, 0.5, 0.5, 1.0, 1e-3, 100.0, "010", "a:b", "a_b", float("inf")]
    assert read_yaml(file) == expected


@pytest.mark.parametrize("text", ["3_4.0", "\uff13.5", "0x10", "nan", "1,5", " "])
def test_a_published_value_is_a_plain_decimal(text: str) -> None:
    with pytest.raises(UserError, match="is no number; write it with a point"):
        number("file.csv, line 2", "value", text)


def test_what_an_anchor_merges_may_be_changed(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(
        "a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: *b, x: 4}\nd: {<<: [*a, *b]}\n", encoding="utf-8"
    )
    found = read_yaml(file)
    assert found == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 4, "y": 2}, "d": {"x": 1, "y": 2}}
    file.write_text("a: &a {x: 1}\nb: {<<: *a, <<: *a}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"line 2: '<<' is given twice"):
        read_yaml(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("title: a\n\tseeds: [0]\n", "line 2, column 1: a tab; indent with spaces"),
        ("title: [", "line 1, column 9"),
        ("a: 1\n---\nb: 2\n", "line 2"),
        ("a: !unknown 1\n", "line 1"),
        ("a: 2020-13-45\n", "month must be in 1..12"),
        ("a: \x07\n", "not allowed"),
        ("[" * 3000, "depth"),
        ("[" * 200_000 + "]" * 200_000, "depth"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_yaml(file)
    said = str(caught.value)
    assert said.startswith(f"{file} is not valid YAML: ") and message in said and "\n" not in said


@pytest.mark.parametrize("file", ["scale/ci.yaml", "tables/mae_loss/table3.yaml", "losses.yaml", "config.yaml"])
@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"word\n"], ids=["empty", "list", "word"])
def test_a_file_that_is_no_mapping_is_refused(file: str, content: bytes, folder: Path) -> None:
    assert "mapping" in refusal(folder, file, lambda _: content)


def header(old: bytes, new: bytes) -> Edit:
    return lambda content: content.replace(old, new, 1)


@pytest.mark.parametrize(
    ("file", "edit", "message"),
    [
        (
            "tables/published.csv",
            lambda c: c.replace(b",", b";"),
            "line 1: values are separated by semicolons; save it",
        ),
        ("claims/mae_loss.csv", lambda c: c.replace(b",", b"\t"), "line 1: values are separated by tabs; save it"),
        ("tables/published.csv", lambda c: b"", "is empty; its first line is the header paper,table,"),
        ("tables/published.csv", header(b"value", b"valeu"), "line 1: no column 'value'; did you mean 'valeu'?"),
        ("claims/mae_loss.csv", header(b"better", b"id"), "line 1: no column 'better'"),
        ("claims/mae_loss.csv", header(b"than", b"than,than"), "line 1: column 'than' is given twice; keep one"),
        ("tables/published.csv", header(b",20.2852", b""), "line 2: 8 values, the header has 9"),
        (
            "tables/published.csv",
            header(b"20.2852", b'"20,2852"'),
            "line 2: value: '20,2852' is no number; write it with",
        ),
        ("tables/published.csv", header(b"20.2852", b"nan"), "line 2: value: 'nan' is no number"),
        ("tables/published.csv", lambda c: c + c.splitlines()[1] + b"\n", "given twice (first in line 2); keep one"),
        ("claims/mae_loss.csv", lambda c: c + c.splitlines()[1] + b"\n", "'table1_kmae_psnr' is given twice; keep one"),
        (
            "claims/mae_loss.csv",
            header(b"mae_loss/table1", b"mae_loss/tabel1"),
            "line 2: table: 'mae_loss/tabel1' is not",
        ),
    ],
)
def test_a_csv_that_says_something_else_is_refused(file: str, edit: Edit, message: str, folder: Path) -> None:
    assert message in refusal(folder, file, edit)


def test_measured_steps_are_read_as_strictly(tmp_path: Path) -> None:
    file, text = tmp_path / "steps.csv", (ROOT / "config/gpu_seconds.csv").read_bytes()
    file.write_bytes(b"\xef\xbb\xbf" + text)
    assert measured(file) == measured(ROOT / "config/gpu_seconds.csv")
    last = text.splitlines()[-1]
    for content, message in (
        (text.replace(b",", b";"), "line 1: values are separated by semicolons"),
        (text.decode().encode("utf-16"), "UTF-16"),
        (text + last + b"\n", "is given twice"),
    ):
        file.write_bytes(content)
        with pytest.raises(UserError, match=message):
            measured(file)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("better", "kmea", "better: there is no loss 'kmea'; did you mean 'kmae'?"),
        ("than", "Original", "than: there is no loss 'Original'; did you mean 'original'?"),
        ("metric", "PSNR", "metric: there is no metric 'PSNR'; did you mean 'psnr'?"),
        ("networks", "edsr;rfdn", "networks: there is no network 'edsr;rfdn'"),
        ("id", " ", "the claim has no id; give it one"),
        ("kind", "tabel", "kind: there is no kind 'tabel'; did you mean 'table'?"),
        ("kind", "", "kind: there is no kind ''"),
        ("kind", "untestable", "better: 'new' is untestable, which compares nothing; empty it"),
        ("slight", "no", "slight: 'no' is neither 'yes' nor empty"),
        ("reason", "", "reason: 'new' is untestable; say why"),
        ("reason", "no training tells", "reason: only what is untestable has one; empty it"),
    ],
)
def test_a_claim_on_what_there_is_not_is_refused(column: str, value: str, message: str, folder: Path) -> None:
    row = {"id": "new", "kind": "text", "table": "mae_loss/table3", "better": "kmae", "than": "original"}
    row |= {
        "metric": "psnr",
        "every": "",
        "slight": "",
        "columns": "",
        "networks": "",
        "source": "a",
        "text": "b",
        "reason": "",
        column: value,
    }
    if column == "kind":
        row["reason"] = "no training tells"
    if column == "reason" and not value:
        row["kind"] = "untestable"
    line = ",".join(row.values()) + "\n"
    said = refusal(folder, "claims/mae_loss.csv", lambda content: content + line.encode())
    assert message in said and "claims/mae_loss.csv, line " in said
