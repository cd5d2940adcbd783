"""Claims in the report: each with its verdict as word, symbol and JSON, or withheld."""

import json
import re
from pathlib import Path

from _pages import made, words
from _report_inputs import results, rewrite


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


def test_a_verdict_that_the_report_does_not_know_is_shown_as_it_is(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    claims = json.loads(verdict.read_text())["claims"]
    rewrite(verdict, claims=[{**claims[0], "verdict": "in doubt"}])
    page = made([verdict])
    assert '<input type="checkbox" value="in doubt" checked>' in page and "· in doubt CTMAE raises PSNR" in words(page)
