"""The answer of a trial in a sentence: better, worse or undecided, and what it could have found."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lossbench.errors import UserError
from pipeline.judging.summary import POWER
from pipeline.trying.answer import answered, answers, page_of, sentence
from pipeline.trying.asked import Asked

ASKED = Asked("ctmae", "original", {}, "edsr", "photographs", None, "super_resolution_x2", 3, 20.0, "demo")
ROW: dict[str, Any] = {
    "kind": "ours", "metric": "psnr", "verdict": "confirmed", "difference": 0.12, "low": 0.03, "high": 0.21,
    "p_value": 0.01, "n_images": 6, "n_seeds": 3, "reason": "the interval is above 0",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "PSNR: ctmae is better than original, +0.12 dB [+0.03, +0.21], 95 % interval over 6 pictures and 3 seeds"),
        ({"verdict": "contradicted", "difference": -0.12, "low": -0.21, "high": -0.03},
         "PSNR: ctmae is worse than original, −0.12 dB [−0.21, −0.03]"),
        ({"verdict": "undecided", "low": -0.1},
         "undecided whether ctmae or original is better, ctmae +0.12 dB [−0.10, "),
        ({"verdict": "undecided", "p_value": None, "n_seeds": 1},
         "6 pictures of one run, which tells nothing of others"),
        ({"verdict": "higher in one run", "p_value": None}, "PSNR: undecided whether ctmae or original is better"),
        ({"metric": "ssim", "difference": 0.0012, "low": 0.0003, "high": 0.0021},
         "SSIM: ctmae is better than original, +0.0012 [+0.0003, +0.0021]"),
        ({"verdict": "not attempted", "difference": None, "low": None, "high": None, "reason": "no scores of ctmae"},
         "PSNR: no answer (not attempted: no scores of ctmae)"),
        ({"verdict": "withheld", "reason": "golden"}, "PSNR: undecided"),
    ],
)  # fmt: skip
def test_a_verdict_is_a_sentence(changes: dict[str, Any], expected: str) -> None:
    assert expected in sentence(ASKED, {**ROW, **changes})


def test_a_wide_interval_says_what_it_could_have_found() -> None:
    found = answered(ASKED, {**ROW, "verdict": "undecided", "low": -0.5, "high": 0.7})
    assert found["answer"] == "undecided"
    assert found["could_have_found"] == pytest.approx(0.6 * POWER)
    assert "such a trial finds differences from 0.86 dB on in four of five cases" in found["sentence"]
    assert answered(ASKED, {**ROW, "p_value": None})["could_have_found"] is None
    assert answered(ASKED, {**ROW, "verdict": "contradicted"})["answer"] == "worse"


def test_the_answers_are_those_of_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"can't be read .*; say the same command again"):
        answers(ASKED)
    file = Path(f"results/{ASKED.name}/verdicts/mine/{ASKED.name}.json")
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"claims": [ROW]}))
    assert answers(ASKED) == [ROW]
    assert page_of(ASKED) == f"results/{ASKED.name}/report/index.html"
    assert page_of(replace(ASKED, loss="vgg")) != page_of(ASKED)
