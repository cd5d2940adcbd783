"""A table's formats: each carries numbers, warnings and stand-ins, well-formed and escaped."""

import re
from pathlib import Path

import pytest
from _tables import (
    NIQE,
    PSNR,
    REASON,
    STAND_IN,
    small_spec,
    written,
)


@pytest.mark.parametrize("form", ["wide", "md", "tex", "html"])
def test_every_format_carries_numbers_warnings_and_stand_ins(form: str, tmp_path: Path) -> None:
    text = written(small_spec(tmp_path), tmp_path)[form].replace(r"$\pm$", "±")
    for number in ("32.0000 ± 1.4142", "30.5000 ± 0.7071", "4.0000 ± 0.0000", "29.0000", "34.4167", "34.1299*"):
        assert number in text
    assert "not published" in text
    assert STAND_IN in text
    assert REASON in text
    if form != "tex":
        assert re.search(r"-1\.5000 \[-\d+\.\d{4}, [-+]\d+\.\d{4}\] / -0\.2868", text)
        assert re.search(r"-1\.0000 \[-\d+\.\d{4}, [-+]\d+\.\d{4}\]†? / –", text)


@pytest.mark.parametrize("form", ["md", "html"])
def test_the_pages_say_all_that_the_numbers_rest_on(form: str, tmp_path: Path) -> None:
    text = written(small_spec(tmp_path), tmp_path)[form]
    for part in (
        "scale: ci; 2 test pictures; seeds a cell: 2; ",
        "± is the standard deviation over seeds",
        "compare differences, not levels",
        f"protocol of psnr (↑): {PSNR.protocol}",
        f"protocol of niqe (↓): {NIQE.protocol}",
        "setting: tokens aligned",
        "trained on: a CPU, float32",
    ):
        assert part in text


def test_a_table_without_stand_ins_says_so(tmp_path: Path) -> None:
    files = written(small_spec(tmp_path, stand_ins=()), tmp_path)
    assert "published data sets and networks throughout" in files["md"]
    assert "stand-in" not in files["tex"]


def test_trailing_zeros_survive_in_markdown(tmp_path: Path) -> None:
    line = next(line for line in written(small_spec(tmp_path), tmp_path)["md"].splitlines() if "bicubic" in line)
    assert "29.0000" in line and "7.0000" in line


def test_the_latex_table_is_balanced_and_ruled(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, columns=("x_2",), title="50 % of R&D #1 in super_resolution")
    cells = tuple(entry.model_copy(update={"column": "x_2"}) for entry in spec.cells)
    published = tuple(entry.model_copy(update={"column": "x_2"}) for entry in spec.published)
    text = written(spec.model_copy(update={"cells": cells, "published": published}), tmp_path)["tex"]
    bare = re.sub(r"\\label\{.*\}|\\[%&#_]", "", text)
    assert bare.count("{") == bare.count("}")
    assert not re.search(r"[%#_]", bare), "a character that LaTeX reads as a command"
    assert re.findall(r"\\begin\{(\w+)\}", text) == list(reversed(re.findall(r"\\end\{(\w+)\}", text)))
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")
    (columns,) = re.findall(r"\\begin\{tabular\}\{([lrc]+)\}", text)
    rows = [line for line in bare.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 1 + 3
    assert {line.count("&") + 1 for line in rows} == {len(columns)}
    assert r"x\_2 psnr$\uparrow$" in text
    assert r"50 \% of R\&D \#1 in super\_resolution" in text
    assert text.isascii(), "pdflatex would stop"


def test_what_a_title_holds_is_escaped_in_the_page(tmp_path: Path) -> None:
    text = written(small_spec(tmp_path, title="<b>R&D</b>"), tmp_path)["html"]
    assert "<h1>&lt;b&gt;R&amp;D&lt;/b&gt;</h1>" in text
    assert "http" not in text


def test_a_bar_in_a_name_ends_no_cell_of_markdown(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    cells = [cell.model_copy(update={"loss": cell.loss.replace("vgg", "v|gg")}) for cell in spec.cells]
    losses = tuple(loss.replace("vgg", "v|gg") for loss in spec.losses)
    text = written(spec.model_copy(update={"cells": tuple(cells), "losses": losses}), tmp_path)["md"]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert r"v\|gg" in text
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
