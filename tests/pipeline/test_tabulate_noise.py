"""Which noise the intervals and marks of a table rest on."""

import math
from pathlib import Path

from _tables import cell, row, small_spec, written

from pipeline import tabulate


def test_one_seed_marks_nothing_unless_further_runs_of_the_reference_tell_of_noise(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, seeds=(0,))
    alone = row(tabulate.long_table(spec, "code"), "vgg", "psnr")
    assert math.isnan(alone["p_value"]) and math.isnan(alone["p_holm"]) and not math.isnan(alone["image_p_value"])
    assert "one seed and no further runs" in written(spec, tmp_path)["md"]
    further = []
    for seed, level in ((1, 31.0), (2, 32.0)):
        values = {"psnr": {seed: (level, level + 1)}, "niqe": {seed: (4.0, 5.0)}}
        given = cell(tmp_path, "edsr", "further", seed, values)
        further.append(given.model_copy(update={"loss": "original"}))
    lent = spec.model_copy(update={"noise_cells": tuple(further)})
    found = row(tabulate.long_table(lent, "code"), "vgg", "psnr")
    assert found["low"] < alone["low"] and found["high"] > alone["high"] and found["p_value"] > 0.1
    assert (found["value"], found["n_seeds"]) == (alone["value"], 1)
    assert "further runs of 'original' (seeds 1/2), which enter no mean" in written(lent, tmp_path)["md"]
