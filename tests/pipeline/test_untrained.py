"""Answers that cost no training: how they are made, tabulated, judged and shown, and what they refuse."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from _evaluated import METRICS, NETWORK, Evaluate, evaluate_into, spec, stored
from _tables import BICUBIC, NIQE, cell, small_spec, write_scores

from lossbench import metrics
from lossbench.errors import UserError
from lossbench.images import read_image
from lossbench.tasks._answers import AMOUNT, made
from pipeline import judge, report, tabulate
from pipeline.outputs.arrays import Entry, write_arrays
from pipeline.outputs.scores import read_scores
from pipeline.specs.evaluate import MetricSpec
from pipeline.specs.judge import Claim, JudgeSpec
from pipeline.specs.report import ReportSpec
from pipeline.specs.tabulate import TRIVIAL, TabulateSpec

TRUTH = (MetricSpec(name="niqe", file="niqe", colour="y601", crop=0, rounding=True),)
SHARP = {"psnr": {0: (29.9, 31.9), 1: (30.9, 34.9)}, "niqe": {0: (2.0, 4.0), 1: (3.0, 3.5)}}


def test_an_unsharp_mask_lifts_edges_and_a_mean_is_a_mean() -> None:
    flat = np.full((9, 9, 3), 0.5, np.float32)
    assert np.allclose(made("sharpened", [flat]), flat) and made("sharpened", [flat]).dtype == np.float32
    dot = flat.copy()
    dot[4, 4] += 0.1
    # the Gaussian keeps 1 / (2 pi) of a pixel: its share of the kernel of deviation 1
    middle = 0.5 + 0.1 * (1 + AMOUNT * (1 - 1 / (2 * math.pi)))
    assert made("sharpened", [dot])[4, 4] == pytest.approx([middle] * 3, abs=2e-4)
    bright = np.float32([[[0.0], [1.0]]])
    assert made("sharpened", [bright]).min() >= 0 and made("sharpened", [bright]).max() <= 1
    assert np.allclose(made("mean", [flat, dot]), (flat + dot) / 2)


def test_an_answer_is_made_of_what_models_restore(
    evaluated: Evaluate, targets: Path, pairs: Path, tmp_path: Path
) -> None:
    first = stored(tmp_path / "first.safetensors")
    second = stored(tmp_path / "second.safetensors", value=0.1)
    shown = []
    for number, (answer, models) in enumerate(
        ((None, [first]), (None, [second]), ("sharpened", [first]), ("mean", [first, second]))
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        chosen = spec(network=NETWORK, trivial=None, answer=answer, keep_pictures=1)
        further = {"further_models": models[1:]} if models[1:] else {}
        rows = evaluate_into(folder, chosen, targets, pairs, models[0], **further)
        assert len(rows) == 2 * len(METRICS)
        shown.append(read_image(folder / "toy_pictures/test0.png").astype(float) / 255)
    one, other, sharp, mean = shown
    assert np.abs(mean - (one + other) / 2).max() <= 1.01 / 255
    assert np.abs(sharp - made("sharpened", [one.astype(np.float32)])).max() <= 2.5 / 255
    assert np.abs(sharp - one).max() > 3 / 255


def test_the_ground_truth_is_scored_without_a_model(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    write_arrays(tmp_path, "target", [Entry("a", "test", pixels, "a.png", "CC0")], {"dataset": "toy"})
    write_arrays(tmp_path, "low_quality", [Entry("a", "test", pixels[::2, ::2], "a.png", "CC0")], {"dataset": "toy"})
    chosen = spec(trivial=None, answer="ground_truth", metrics=TRUTH, keep_pictures=0)
    (row,) = evaluate_into(tmp_path, chosen, tmp_path / "target.json", tmp_path / "low_quality.json")
    found = metrics.score("niqe", pixels.transpose(2, 0, 1) / 255, None, protocol=metrics.Protocol("y601"))
    assert float(row["value"]) == pytest.approx(found)


@pytest.fixture
def answers(tmp_path: Path) -> TabulateSpec:
    """A small table with the sharpened pictures of `original` and the ground truth."""
    made = small_spec(tmp_path)
    cells = [cell(tmp_path, "edsr", "sharp", seed, SHARP).model_copy(update={"card": None}) for seed in (0, 1)]
    truth = cell(tmp_path, TRIVIAL, "truth", 0, {"niqe": {0: (1.0, 1.5)}})
    cells += [truth.model_copy(update={"network": "edsr", "seed": seed, "only": ("niqe",)}) for seed in (0, 1)]
    changes = {"losses": (*made.losses, "sharp", "truth"), "answers": ("sharp", "truth")}
    return made.model_copy(update={**changes, "cells": (*made.cells, *cells)})


def test_a_table_has_a_row_of_an_answer_without_steps(answers: TabulateSpec, tmp_path: Path) -> None:
    long = tabulate.long_table(answers, "code").set_index(["loss", "metric"])
    assert long.loc[("sharp", "niqe"), "difference"] == pytest.approx(3.125 - 5)
    assert long.loc[("sharp", "niqe"), "low"] < -1.5 and pd.isna(long.loc[("sharp", "niqe"), "steps"])
    assert long.loc[("original", "psnr"), "steps"] == 6 and long.loc[("truth", "niqe"), "n_seeds"] == 2
    assert ("truth", "psnr") not in long.index
    tabulate.main(answers, "code", tmp_path / "tables/table3.csv")
    wide = pd.read_csv(tmp_path / "tables/table3_wide.csv", dtype=str, keep_default_na=False).set_index("loss")
    assert wide.loc["truth", ["x2 psnr↑", "steps", "seconds"]].to_list() == ["", "", ""]
    assert wide.loc["sharp", "x2 niqe↓"].startswith("3.1250") and wide.loc["original", "steps"] == "6"
    text = (tmp_path / "tables/table3.md").read_text(encoding="utf-8")
    assert "made without a training, which a loss must beat: sharp, truth" in text
    assert "trained on: a CPU, float32\n" in text


def judged(table: TabulateSpec, **changes: Any) -> dict[str, Any]:
    values = {"better": "vgg", "than": "original", "metric": "niqe", "table": "mae_loss/table3", **changes}
    claim = Claim.model_validate({"id": "c", "source": "s", "text": "t", **values})
    chosen = JudgeSpec(table=table, claims=(claim,), full_scale=True, published_runs=1)
    (row,) = judge.judged(chosen, read_scores(table.cells))
    return row


def test_a_gain_in_perception_is_refused_where_an_answer_without_training_has_more(answers: TabulateSpec) -> None:
    row = judged(answers)
    assert row["difference"] == pytest.approx(1.0) and row["low"] > 0
    assert row["trivial_answer"] == {"name": "sharp", "difference": pytest.approx(1.875)}
    assert row["verdict"] == "refused"
    assert "no gain in perception, since sharp gains 1.875 without a training" in row["reason"]


def test_the_tasks_own_answer_refuses_too_and_the_ground_truth_never(answers: TabulateSpec, tmp_path: Path) -> None:
    without = answers.model_copy(
        update={
            "losses": ("original", "vgg", "truth"),
            "answers": ("truth",),
            "cells": tuple(one for one in answers.cells if one.loss != "sharp"),
        }
    )
    assert judged(without)["trivial_answer"] is None and judged(without)["verdict"] != "refused"
    write_scores(Path(without.cells[0].scores), 0, {**BICUBIC, "niqe": {0: (2.0, 3.0)}})
    row = judged(without)
    assert (row["trivial_answer"]["name"], row["verdict"]) == ("bicubic", "refused")


@pytest.mark.parametrize(
    "changes",
    [{"metric": "psnr", "better": "original", "than": "vgg"}, {"than": "sharp", "better": "original"},
     {"better": "sharp"}, {"better": "original", "than": "vgg"}],
)  # fmt: skip
def test_other_claims_are_not_refused(answers: TabulateSpec, changes: dict[str, Any]) -> None:
    row = judged(answers, **changes)
    assert row["trivial_answer"] is None and row["verdict"] != "refused"


def test_a_metric_that_stands_for_lpips_is_one_of_perception(answers: TabulateSpec) -> None:
    renamed = NIQE.model_copy(update={"name": "other", "published": "lpips"})
    table = answers.model_copy(update={"metrics": (answers.metrics[0], renamed), "published": ()})
    scores = read_scores(answers.cells).replace({"metric": {"niqe": "other"}})
    claim = Claim(id="c", table="t", better="vgg", than="original", metric="other", source="s", text="t")
    chosen = JudgeSpec(table=table, claims=(claim,), full_scale=True, published_runs=1)
    assert judge.judged(chosen, scores)[0]["verdict"] == "refused"


def test_the_page_shows_what_cost_no_training(answers: TabulateSpec, tmp_path: Path) -> None:
    root = tmp_path / "results/ci"
    long, verdicts = root / "tables/mae_loss/table3.csv", root / "verdicts/mae_loss/table3.json"
    tabulate.main(answers, "0", long)
    checked = tmp_path / "harness.json"
    checked.write_text(json.dumps({"passed": True, "rows": 1, "failures": [], "skipped": []}), encoding="utf-8")
    claim = Claim(id="c", table="t", better="vgg", than="original", metric="niqe", source="s", text="VGG looks better")
    chosen = JudgeSpec(table=answers, claims=(claim,), full_scale=True, published_runs=1)
    judge.main(chosen, "0", harness=checked, output=verdicts)
    page = root / "report/index.html"
    report.main(ReportSpec(page="0", title="ci"), "0", [verdicts], page)
    text = page.read_text(encoding="utf-8")
    assert 'data-value="edsr sharp"' in text and 'data-value="edsr truth"' in text
    assert text.count('<tr class="answer') == 2
    assert "it is the ground truth itself" in text and "refused" in text
    (found,) = json.loads((root / "report/claims.json").read_text(encoding="utf-8"))
    assert (found["verdict"], found["trivial_answer"]["name"]) == ("refused", "sharp")
    # nothing was trained for it, so that no card and no history is missing
    assert "sharp/0/card.json" not in text and "sharp/0/history.csv" not in text


def test_scores_of_fewer_metrics_are_refused_elsewhere(answers: TabulateSpec) -> None:
    cells = tuple(one.model_copy(update={"only": ()}) for one in answers.cells)
    with pytest.raises(UserError, match="scores other pictures or metrics than"):
        read_scores(cells)
    # whichever comes first
    assert len(read_scores(reversed(answers.cells))) == len(read_scores(answers.cells))
