"""Claims in the report: each with its verdict as word, symbol and JSON, or withheld."""

import json
import re
from pathlib import Path

from _pages import made, words
from _report_inputs import results, rewrite


def test_every_claim_has_its_verdict_as_word_and_symbol(page: str) -> None:
    found = re.findall(r'<span class="verdict (\w+)"><span[^>]*>(.+?)</span> ([^<]+)</span>', page)
    # kinds apart: the sentences of the paper of both tables come first
    once = [("good", "✓✓", "confirmed in size"), ("bad", "✗", "contradicted")]
    assert found == [*once * 2, *[("open", "○", "not attempted")] * 2]
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


def test_a_verdict_that_the_report_does_not_know_is_shown_as_it_is(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    claims = json.loads(verdict.read_text())["claims"]
    rewrite(verdict, claims=[{**claims[0], "verdict": "in doubt"}])
    page = made([verdict])
    assert '<input type="checkbox" value="in doubt" checked>' in page and "· in doubt CTMAE raises PSNR" in words(page)


def test_kinds_are_counted_apart_and_said_beside_their_claims(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    claims = json.loads(verdict.read_text())["claims"]
    words_of = {"kind": "untestable", "better": "", "than": "", "metric": "", "reason": "who was first", "p_holm": None}
    first = {**claims[2], **words_of, "id": "first", "text": "The first attempt", "verdict": "not judged"}
    rewrite(verdict, claims=[*claims, first], harness={"passed": True, "rows": 260, "failures": []})
    text = words(made([verdict]))
    assert "text sentences of the paper 2: 1 confirmed in size , 1 contradicted" in text
    assert "ours questions of this project 1: 1 not attempted" in text
    assert "untestable sentences that no training decides 1: 1 not judged" in text
    assert (
        "It helps on DND ours" in text
        and "– not judged The first attempt untestable section 4.3: who was first" in text
    )
    assert [claim["kind"] for claim in json.loads((verdict.parents[2] / "report/claims.json").read_text())] == [
        "text", "text", "ours", "untestable"
    ]  # fmt: skip


def test_what_no_training_decides_is_not_withheld_either(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    claims = json.loads(verdict.read_text())["claims"]
    rewrite(verdict, harness={"passed": False, "rows": 1, "failures": ["psnr"]},
            claims=[claims[0], {**claims[2], "kind": "untestable", "verdict": "not judged"}])  # fmt: skip
    assert re.findall(r'data-verdict="([^"]*)"', made([verdict])) == ["withheld", "not judged"]


def test_a_claim_on_every_cell_says_in_how_many_it_shows_and_which_is_the_worst(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    first = json.loads(verdict.read_text())["claims"][0]
    worst = {"column": "x4", "network": "rfdn", "metric": "niqe", "better": "ctmae", "than": "vgg"}
    worst |= {"difference": -0.2, "low": -0.3, "high": -0.1, "published_difference": -0.05}
    numbers = {name: worst[name] for name in ("difference", "low", "high", "published_difference")}
    counted = {"cells": 8, "cells_shown": 7, "cells_clear": 5, "cells_printed": 6, "cells_printed_shown": 5}
    every = {"every": "cell", "metric": "", "metrics": ["psnr", "niqe"], "pairs": [], "p_holm": None, "worst": worst}
    contradicted = {**first, **numbers, **counted, **every, "id": "all", "verdict": "contradicted", "reason": "why"}
    pairs = {**contradicted, "id": "pairs", "pairs": [["ctmae", "vgg"], ["kmae", "vgg"]], "cells_printed": 0}
    missing = {**contradicted, "id": "lost", "verdict": "not attempted", "worst": None, "cells_shown": None}
    plain = {**first, "id": "plain", "published_difference": -0.1, "text": "Plain"}
    rewrite(verdict, claims=[contradicted, pairs, {**missing, **dict.fromkeys(numbers)}, plain])
    text = words(made([verdict]))
    worst_words = "the worst is rfdn x4 NIQE, −0.20 [−0.30, −0.10], which stands here"
    assert f"why; better in 7 of 8 cells, in 5 by an interval; {worst_words}" in text
    assert text.count("the printed numbers show it in 5 of 6 cells") == 2
    assert "the worst is ctmae over vgg rfdn x4 NIQE" in text and "PSNR NIQE" in text
    # of a mean the paper's own size says it, of every cell the count
    assert text.count("the printed numbers do not show it") == 1
