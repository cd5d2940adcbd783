"""A table of the user's own: what the pages say of it, and which columns they have."""

from pathlib import Path

from _report_inputs import results
from _tables import small_spec, written

from pipeline import report
from pipeline.pages.formats import foundation
from pipeline.specs.report import ReportSpec

PAGE = ReportSpec(page="0", title="mine")


def page_of(folder: Path, **changes: object) -> str:
    output = folder / "results/ci/report/index.html"
    report.main(PAGE, "0", results(folder, **changes), output)
    return output.read_text(encoding="utf-8")


def test_a_table_of_ones_own_has_no_columns_of_published_numbers(tmp_path: Path) -> None:
    files = written(small_spec(tmp_path, published=(), stand_ins=()), tmp_path)
    for name in ("wide", "md", "tex", "html"):
        assert "published psnr" not in files[name] and "not published" not in files[name], name
    assert "x2 psnr↑ Δ" in files["wide"] and "x2 psnr↑ published" not in files["wide"]
    assert "no paper prints numbers of this table" in files["md"]
    assert "published data sets and networks throughout" not in files["md"]
    assert "x2 psnr↑ published" in written(small_spec(tmp_path), tmp_path)["wide"]


def test_pictures_of_ones_own_are_not_the_published_ones(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, stand_ins=())
    assert foundation(spec) == "published data sets and networks throughout"
    own = tuple(cell.model_copy(update={"test_set": "folder"}) for cell in spec.cells)
    assert foundation(spec.model_copy(update={"cells": own})).startswith("pictures of your own (data set folder)")


def test_the_page_of_a_table_of_ones_own_does_not_call_it_published(tmp_path: Path) -> None:
    page = page_of(tmp_path / "own", published=(), stand_ins=())
    assert "1 table without published numbers" in page and "No paper prints numbers of this table" in page
    assert "published data sets and networks throughout" not in page.lower()
    assert 'paper<span class="sr"> x2' not in page and "and the paper's number" not in page
    page = page_of(tmp_path / "paper", stand_ins=())
    assert "1 published table, " in page and "Published data sets and networks throughout." in page
    assert 'paper<span class="sr"> x2' in page
