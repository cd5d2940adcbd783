"""The report: what it shows of finished results, what it says of missing ones, and that it is one safe file."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from _pages import LOADS, Outline, made, words
from _report_inputs import NAMES, results, rewrite

from lossbench.errors import UserError


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
    assert outline.tags["table"] == outline.tags["caption"] == 9
    heads = re.findall(r"<th\b[^>]*>", page)
    assert len(heads) == outline.tags["th"] and all("scope=" in head for head in heads)


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


def test_the_page_is_small(page: str) -> None:
    assert len(page.encode()) < 1_500_000
    assert all(name in page for name in NAMES[:2])
