"""The report: what it shows of finished results, what it says of missing ones, and that it is one safe file."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from _report_inputs import NAMES, WARNING, results, rewrite

from lossbench.errors import UserError
from lossbench.images import write_png
from pipeline import report
from pipeline.specs.report import ReportSpec

VOID = {"meta", "link", "img", "input", "br"}
LOADS = {"src", "href", "xlink:href", "srcset", "data", "action", "poster"}


class Outline(HTMLParser):
    """What a page consists of; raises AssertionError at the first tag that is closed in the wrong place."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def values(self, name: str) -> list[str]:
        """List the values of one attribute."""
        return [value for _, attribute, value in self.attributes if attribute == name]


def made(verdicts: list[Path], title: str = "small") -> str:
    """Run the stage and return the page."""
    output = verdicts[0].parents[2] / "report/index.html"
    report.main(ReportSpec(page="0", title=title), verdicts, output, "0123456789ab")
    return output.read_text(encoding="utf-8")


def words(page: str) -> str:
    """Return the text that a reader sees, spaces made single."""
    text = re.sub(r"<(script|style|title).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a report of two tables."""
    return made(results(tmp_path_factory.mktemp("report"), ("table3", "table4")))


def test_the_page_is_well_formed_and_its_ids_are_unique(page: str) -> None:
    outline = Outline(page)
    ids = Counter(outline.values("id"))
    assert [name for name, count in ids.items() if count > 1] == []
    for name in ("aria-labelledby", "href"):
        inside = {value.removeprefix("#") for value in outline.values(name) if name != "href" or value.startswith("#")}
        assert inside <= set(ids), f"{name} leads nowhere"
    assert set(re.findall(r"url\(#([^)]*)\)", page)) <= set(ids)


def test_nothing_is_asked_of_any_host(page: str) -> None:
    for tag, name, value in Outline(page).attributes:
        if name in LOADS:
            relative = value.startswith(("#", "data:", "../tables/")) or value == "claims.json"
            assert relative, f"<{tag} {name}={value[:80]}>"
    assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttpRequest|import\(", page)
    assert "default-src 'none'" in page


def test_every_table_has_a_caption_and_heads_with_a_scope(page: str) -> None:
    outline = Outline(page)
    assert outline.tags["table"] == outline.tags["caption"] == 8
    heads = re.findall(r"<th\b[^>]*>", page)
    assert len(heads) == outline.tags["th"] and all("scope=" in head for head in heads)


def test_a_row_shows_ours_the_interval_its_mark_and_the_paper(page: str) -> None:
    row = next(part for part in page.split("<tr") if 'data-value="edsr vgg"' in part)
    psnr = "29.00 −1.00 † worse [−1.40, −0.60] 34.10 note 1 −0.30"
    niqe = "4.000 −2.000 † better [−2.400, −1.600] 4.900 +0.700"
    assert words("<tr" + row) == f"edsr vgg {psnr} {niqe}"
    assert 'class="difference worse significant"' in row and 'class="difference better significant"' in row
    assert page.count(f">Published number: {WARNING}</li>") == 2


def test_reference_control_and_untrained_rows_say_what_they_are(page: str) -> None:
    marks = dict(re.findall(r'<span class="loss">(\w+)</span>(?: <span class="mark">(\w+)</span>)?', page))
    assert marks == {
        "bicubic": "untrained", "original": "reference", "vgg": "", "ctmae": "", "random_tmae": "control"
    }  # fmt: skip


def test_every_claim_has_its_verdict_as_word_and_symbol(page: str) -> None:
    found = re.findall(r'<span class="verdict (\w+)"><span[^>]*>(.+?)</span> ([^<]+)</span>', page)
    once = [("good", "✓✓", "confirmed in size"), ("bad", "✗", "contradicted"), ("open", "○", "not attempted")]
    assert found == once * 2
    text = words(page)
    assert "CTMAE raises PSNR section 4.3: p = 0.004 (Holm); better on 83% of the pictures; 3 pictures, 1 seed" in text
    assert "the whole interval lies below zero" in text and "−1.00 [−1.40, −0.60]" in text


def test_claims_are_written_as_json_with_their_table(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    made([verdict])
    claims = json.loads((verdict.parents[2] / "report/claims.json").read_text())
    assert [(claim["paper"], claim["table"], claim["id"]) for claim in claims] == [
        ("mae_loss", "table3", "ctmae-psnr"), ("mae_loss", "table3", "vgg-psnr"), ("mae_loss", "table3", "dnd")
    ]  # fmt: skip
    # what is not a number is null: NaN is no JSON
    assert claims[2]["high"] is None


def test_verdicts_are_withheld_where_the_metrics_failed_their_checks(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    rewrite(verdict, harness={"passed": False, "rows": 260, "failures": ["psnr: row 12 is 30.1, not 30.2"]})
    page = made([verdict])
    assert "psnr: row 12 is 30.1, not 30.2" in page
    assert set(re.findall(r'data-verdict="([^"]*)"', page)) == {"withheld"}
    assert {claim["verdict"] for claim in json.loads((verdict.parents[2] / "report/claims.json").read_text())} == {
        "withheld"
    }


def test_every_loss_is_in_the_plane_the_curves_and_the_cost(page: str) -> None:
    plots = re.findall(r'<title id="[^"]*">([^<]*)', page)
    # two tables: a plane of ours and of the paper, two curves; and one loss network
    assert page.count('<svg role="img"') == len(plots) == 2 * 4 + 1
    planes = [plot for plot in plots if "PSNR and NIQE" in plot]
    assert len(planes) == 4
    assert "original 30, 6; vgg 29, 4; ctmae 30.5, 5; random_tmae 29.9, 6.1" in planes[0]
    assert "original 34.4, 4.2; vgg 34.1, 4.9; ctmae 34.5, 4" in planes[1]
    text = words(page)
    assert "edsr x2 vgg 20.0 40 500.0 2.00 × 0.50 mae_task: 61 s" in text
    assert "0.50 weights drawn at random" in text
    assert "Not readable here: GPU memory, GiB; energy, Wh" in text


def test_each_comparison_holds_all_versions_of_the_picture_that_gains_and_that_loses_most(page: str) -> None:
    shown = re.findall(r'aria-label="edsr, x2, picture (\w+)"', page)
    assert shown == ["bird", "boat"] * 2
    first = page.split('class="comparison"')[1]
    labels = re.findall(r'figure data-label="([^"]*)"', first)
    assert labels == ["bicubic", "original", "vgg", "ctmae", "random_tmae", "ground truth"]
    assert 'data-left="original" data-right="ctmae"' in first
    assert "PSNR 30.80 (−1.00)" not in first and "PSNR 29.80 (−0.60)" in first
    assert page.count("data:image/webp") == 2 * 2 * 6 + 1


def test_a_missing_run_is_named_with_its_reason_and_the_rest_is_shown(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    root = verdict.parents[2]
    for stage in ("train", "evaluate"):
        shutil.rmtree(root / stage / "super_resolution_x2/photographs/edsr/vgg")
    table = root / "tables/mae_loss/table3.csv"
    long = pd.read_csv(table)
    long[long["loss"] != "vgg"].to_csv(table, index=False)
    scores = str(root / "evaluate/super_resolution_x2/photographs/edsr/vgg/0/photographs.csv")
    why = "the training stopped at step 3"
    gap = {"column": "x2", "network": "edsr", "loss": "vgg", "seed": 0, "file": scores, "why": why}
    rewrite(verdict, missing=[gap])
    page = made([verdict])
    Outline(page)
    missing = words(page.split('id="missing"')[1])
    assert f"edsr under vgg, x2, seed 0 {why} {scores}" in missing
    assert "card of a run" in missing and "history of a run" in missing and "pictures under vgg" in missing
    row = next(part for part in page.split("<tr") if 'data-value="edsr vgg"' in part)
    # the published number needs no run
    assert f'title="{why}' in row and "34.10" in row
    assert re.findall(r'figure data-label="([^"]*)"', page)[:5] == [
        "bicubic", "original", "ctmae", "random_tmae", "ground truth"
    ]  # fmt: skip


def test_a_cell_that_only_the_list_of_missing_ones_knows_is_named_in_its_row(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    content = json.loads(verdict.read_text())
    left = [cell for cell in content["spec"]["cells"] if cell["loss"] != "random_tmae"]
    why = "train edsr/random_tmae/0 failed: the loss is not finite"
    gap = {"column": "x2", "network": "edsr", "loss": "random_tmae", "seed": 0, "file": "scores.csv", "why": why}
    table = verdict.parents[2] / "tables/mae_loss/table3.csv"
    long = pd.read_csv(table)
    long[long["loss"] != "random_tmae"].to_csv(table, index=False)
    rewrite(verdict, spec={**content["spec"], "cells": left}, missing=[gap])
    page = made([verdict])
    row = next(part for part in page.split("<tr") if 'data-value="edsr random_tmae"' in part)
    assert row.count(f'title="{why}">missing') == 2
    assert f"edsr under random_tmae, x2, seed 0 {why} scores.csv" in words(page.split('id="missing"')[1])


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("prepare/photographs/target.json", "ground truth of x2"),
        ("tables/mae_loss/table3.csv", "numbers of the table"),
        ("tables/mae_loss/table3.tex", "the table as LaTeX"),
        ("train/**/vgg/0/history.csv", "history of a run"),
        ("train/**/card.json", "card of a run"),
        ("evaluate/**/*.csv", "scores"),
        ("evaluate/**/*.png", "no picture kept"),
        ("pretrain/**/probe.csv", "probe of the loss network mae_task on photographs"),
        ("pretrain/**/reconstructions.png", "reconstructions of the loss network"),
    ],
)
@pytest.mark.parametrize("content", [None, b"", b'{"spec": null}'], ids=["gone", "empty", "damaged"])
def test_a_gap_anywhere_still_makes_a_report_that_names_it(
    tmp_path: Path, pattern: str, named: str, content: bytes | None
) -> None:
    (verdict,) = results(tmp_path)
    files = list(verdict.parents[2].glob(pattern))
    assert files
    for file in files:
        file.unlink()
        if content is not None:
            file.write_bytes(content)
    page = made([verdict])
    Outline(page)
    if content is None:
        assert named in words(page.split('id="missing"')[1])


def test_verdicts_that_cannot_be_read_are_one_error_with_the_file(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    verdict.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"table3\.json can't be read"):
        made([verdict])
    assert not (verdict.parents[2] / "report/index.html").exists()


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    evil = '<img src=x onerror="alert(1)">&\'</script>'
    (verdict,) = results(tmp_path, title=evil, settings=(evil,), stand_ins=(evil,))
    claims = json.loads(verdict.read_text())["claims"]
    rewrite(verdict, claims=[{**claim, "text": evil, "reason": evil, "verdict": evil} for claim in claims])
    page = made([verdict], title=evil)
    outline = Outline(page)
    assert not outline.values("onerror") and page.count("</script>") == 1
    assert "&lt;img src=x" in page


def test_the_same_results_give_the_same_page(tmp_path: Path) -> None:
    verdicts = results(tmp_path)
    assert made(verdicts) == made(verdicts)


def test_a_server_only_column_says_so(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path, columns=("x2", "dnd"), server_only={"dnd": "no public ground truth"})
    page = made([verdict])
    assert page.count('title="server only: no public ground truth">server only') == 2 * 5


def test_the_contents_tell_the_tables_of_two_papers_apart(page: str, tmp_path: Path) -> None:
    def contents(text: str) -> str:
        return words(text[text.index("<nav") : text.index("</nav>")])

    assert "Table 3 Table 4 Loss networks" in contents(page)
    assert "mae loss" not in contents(page)
    first, second = results(tmp_path, ("table3", "figure1"))
    tables = first.parents[2] / "tables"
    shutil.copytree(tables / "mae_loss", tables / "robust_perceptual")
    rewrite(second, spec={**json.loads(second.read_text())["spec"], "paper": "robust_perceptual"})
    assert "mae loss Table 3 robust perceptual Figure 1 Loss networks" in contents(made([first, second]))


def test_clips_are_shown_as_a_strip_and_as_an_animation(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    folder = verdict.parents[2] / "evaluate/super_resolution_x2/photographs/edsr/vgg/0/photographs_pictures/walk"
    for number in range(3):
        write_png(folder / f"{number:03d}.png", np.full((24, 32, 3), 80 * number, dtype=np.uint8))
    page = made([verdict])
    assert 'alt="Frames of walk, vgg"' in page and 'alt="Clip walk, vgg"' in page


def test_a_verdict_that_the_report_does_not_know_is_shown_as_it_is(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    claims = json.loads(verdict.read_text())["claims"]
    rewrite(verdict, claims=[{**claims[0], "verdict": "in doubt"}])
    page = made([verdict])
    assert '<input type="checkbox" value="in doubt" checked>' in page and "· in doubt CTMAE raises PSNR" in words(page)


def test_the_page_is_small(page: str) -> None:
    assert len(page.encode()) < 1_500_000
    assert all(name in page for name in NAMES[:2])
