"""The script that writes docs/results: what it keeps of a run, what the page says of it, and what it refuses."""

import json
from pathlib import Path

import bench_numbers
import pandas as pd
import pytest
from _bench_page import page
from _repository import ROOT

from lossbench.errors import UserError

KEPT = ROOT / "docs/results"
NAN = float("nan")


def board_row(column: str, loss: str, place: str, **given: float | str | bool) -> dict[str, object]:
    row = {"column": column, "network": "edsr", "curve": loss, "number": 1.0, "loss": loss, "n_seeds": 3, "cost": 1.0,
           "chosen": True, "place": place, "behind": "", "not_told_apart": "", "psnr": 25.0, "niqe": 6.0, "lpips": 0.3,
           "psnr_low": NAN, "psnr_high": NAN, "lpips_low": NAN, "lpips_high": NAN}  # fmt: skip
    return {**row, **given}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return a folder of kept files: two losses and an answer in the leaderboard, one claim, two A/A cells."""
    board = [
        board_row("x4", "l1", "on the front"),
        board_row("x4", "vgg_quarter", "", chosen=False, psnr=24.9, psnr_low=-0.2, psnr_high=0.0, cost=3.0),
        board_row("x4", "vgg_equal", "on the front", psnr=24.8, psnr_low=-0.31, psnr_high=-0.09, lpips=0.2,
                  lpips_low=-0.15, lpips_high=-0.05, cost=3.04),
        board_row("x4", "l1_sharpened", "behind", behind="vgg_equal", number=NAN, chosen=False, cost=NAN, psnr=24.0,
                  psnr_low=-1.2, psnr_high=-0.8, lpips=0.31, lpips_low=0.0, lpips_high=0.02),
    ]  # fmt: skip
    pd.DataFrame(board).to_csv(tmp_path / "leaderboard.csv", index=False)
    claim = {"table": "bench/denoising", "id": "a", "kind": "text", "text": "MAE has a better PSNR", "metric": "psnr",
             "difference": 0.1, "low": -0.05, "high": 0.25, "won": "", "within": "",
             "verdict": "undecided", "reason": ""}  # fmt: skip
    on_runs = {**claim, "id": "c", "kind": "ours", "text": "no run collapses", "low": NAN, "high": NAN}
    on_runs["reason"] = "none of three"
    claims = [claim, {**claim, "id": "b", "kind": "trivial", "text": "what L1 is for"}, on_runs]
    pd.DataFrame(claims).to_csv(tmp_path / "claims.csv", index=False)
    pd.DataFrame({"table": "t", "column": ["x4", "noise"], "direction": [True, False]}).to_csv(
        tmp_path / "again.csv", index=False
    )
    power = {"table": "bench/denoising", "loss": ["kmae", "ctmae", "ccmae"], "metric": ["psnr", "psnr", "niqe"]}
    pd.DataFrame({**power, "detectable": [0.125, 0.375, 3.0]}).to_csv(tmp_path / "power.csv", index=False)
    bicubic = [
        {"column": f"{name}_x{scale}", "network": "edsr", "loss": "original", "metric": metric, "value": 31.25,
         "trivial": 28.25 if metric == "psnr" else 0.8}
        for name in ("set5", "set14", "bsd100") for scale in (2, 4) for metric in ("psnr", "ssim")
    ]  # fmt: skip
    pd.DataFrame(bicubic).to_csv(tmp_path / "bench_super_resolution.csv", index=False)
    pd.DataFrame([{**bicubic[0], "column": "cbsd68", "network": "dncnn", "trivial": 20.25}]).to_csv(
        tmp_path / "bench_denoising.csv", index=False
    )
    pd.DataFrame({"rule": ["evaluate", "train"], "jobs": [4, 2], "seconds": [1800.0, 5400.0]}).to_csv(
        tmp_path / "seconds.csv", index=False
    )
    run = {"trained": 2, "peak_memory_mib": 1536.0, "cores": 2, "cpu": "A processor", "device": ["CPU"],
           "precision": ["float32"], "versions": {"torch": "2"}, "stand_ins": ["a small network"]}  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps(run))
    return tmp_path


def test_the_kept_page_is_what_the_kept_files_say() -> None:
    if not (KEPT / "run.json").exists():
        pytest.skip("docs/results is not made yet")
    assert (KEPT / "README.md").read_text(encoding="utf-8") == page(KEPT), "run: uv run python docs/bench_numbers.py"


def test_the_page_says_who_is_on_the_front_and_who_is_behind(kept: Path) -> None:
    said = page(kept)
    assert "better than each other one in one of the two: 2 (`l1`, `vgg_equal`);" in said
    assert "worse than some other one in both: 1 (`l1_sharpened`);" in said
    assert "neither can be said: none." in said


def test_the_board_has_a_row_for_each_curve_and_answer(kept: Path) -> None:
    said = page(kept)
    levels = "24.80 (−0.20 [−0.31, −0.09]) | 0.2000 (−0.1000 [−0.1500, −0.0500]) | 6.00"
    assert f"| `vgg_equal` | {levels} | 3.0 x | on the front |" in said
    assert "| `l1` | 25.00 | 0.3000 | 6.00 | 1.0 x | on the front |" in said
    assert "| `l1_sharpened` |" in said
    assert "vgg_quarter" not in said


def test_a_claim_has_its_interval_and_verdict(kept: Path) -> None:
    said = page(kept)
    assert "Sentences of the paper: 1 undecided." in said
    assert "| MAE has a better PSNR | psnr better by +0.10 [−0.05, +0.25] | undecided |" in said
    assert "| no run collapses | none of three | undecided |" in said
    assert "what L1 is for" not in said


def test_what_speaks_for_the_numbers(kept: Path) -> None:
    said = page(kept)
    assert "| set5_x4 | PSNR | 28.25 | 28.42 |" in said
    assert "| `dncnn` | cbsd68 | +11.00 dB |" in said
    assert "got a direction in 1 of 2 cells. In `bench/denoising` four of five such runs would find a" in said
    assert "a difference of 0.25 dB." in said
    assert "6 jobs of 2.0 hours in sum, of which measuring and what follows took 25 %" in said
    assert "at most 1.5 GiB a training" in said
    assert "Not what it is named after: a small network." in said


def test_seconds_of_rules_count_a_job_once(tmp_path: Path) -> None:
    job = {"rule": "train", "log": ["a.log"], "starttime": 10.0, "endtime": 14.0}
    unfinished = {**job, "rule": "evaluate", "log": ["c.log"], "endtime": None}
    for name, content in zip("wxyz", [job, job, {**job, "log": ["b.log"], "endtime": 11.0}, unfinished], strict=True):
        (tmp_path / name).write_text(json.dumps(content))
    assert bench_numbers.seconds(tmp_path).to_dict("records") == [{"rule": "train", "jobs": 2, "seconds": 5.0}]


def test_without_results_it_says_what_makes_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no verdicts; run `uv run snakemake report --config scale=bench"):
        bench_numbers.collect(tmp_path, tmp_path, tmp_path)


def test_verdicts_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    file = tmp_path / "verdicts/bench/denoising.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    with pytest.raises(UserError, match=r"denoising\.json can't be read"):
        bench_numbers.collect(tmp_path, tmp_path, tmp_path)


def test_without_stored_times_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no times of jobs"):
        bench_numbers.seconds(tmp_path)
