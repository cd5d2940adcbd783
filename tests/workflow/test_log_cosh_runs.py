"""The log-cosh paper from nothing to its figures on the page: a VAE's curvatures, its samples, and text removal."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from _repository import copied, edited, keep_tables, snakemake

CI = ("--config", "scale=ci")
TABLES = ("log_cosh/figure6", "log_cosh/samples", "log_cosh/figure10", "beyond/pixel_losses")
TARGETS = tuple(name.replace("/", "_") for name in TABLES)
SWEEP = ["l2_2", "log_cosh_100"]


def changed(file: Path, **changes: Any) -> None:
    """Replace top-level entries of a YAML file."""
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**values, **changes}, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the four tables, cut to two losses, digits and one seed."""
    folder = copied(tmp_path_factory.mktemp("log_cosh"))
    keep_tables(folder, *TABLES)
    tables = folder / "config/tables/log_cosh"
    curves = {"squared L2": {"2": "l2_2"}, "log-cosh": {"100": "log_cosh_100"}}
    figure = {"kind": "sweep", "abscissa": "curvature at 0", "curves": curves}
    changed(tables / "figure6.yaml", losses=SWEEP, figure=figure)
    digits = yaml.safe_load((tables / "figure6.yaml").read_text(encoding="utf-8"))["columns"]
    changed(tables / "samples.yaml", losses=SWEEP, columns=digits)
    figure = {"kind": "scatter", "losses": ["log_cosh_255"], "against": ["l2"], "metric": "ssim"}
    changed(tables / "figure10.yaml", losses=["l2", "log_cosh_255"], again=None, figure=figure)
    changed(folder / "config/tables/beyond/pixel_losses.yaml", losses=["l1", "log_cosh_50"], again=None)
    changed(folder / "config/scale/ci.yaml", seeds=[0])
    return folder


def test_the_figures_are_made_judged_and_shown(workflow: Path) -> None:
    code, printed = snakemake(workflow, *CI, "--", *TARGETS, "report")
    assert code == 0, printed
    results = workflow / "results/ci"

    sweep = pd.read_csv(results / "tables/log_cosh/figure6.csv")
    assert set(sweep["loss"]) == set(SWEEP) and set(sweep["metric"]) == {"squared_error", "kl", "frechet_vgg16"}
    assert sweep["value"].notna().all() and sweep["trivial"].notna().all()
    counts = sweep.groupby("metric")["n_images"].first().to_dict()
    assert counts == {"squared_error": 1000, "kl": 1000, "frechet_vgg16": 1}
    text = pd.read_csv(results / "tables/log_cosh/figure10.csv")
    assert set(text["loss"]) == {"l2", "log_cosh_255"} and set(text["metric"]) == {"ssim", "psnr"}

    pixel = pd.read_csv(results / "tables/beyond/pixel_losses.csv")
    assert pixel["value"].notna().all() and pixel["trivial"].notna().all()
    methods = pixel.groupby("column")["trivial_method"].unique().map(list).to_dict()
    assert methods == {"super_resolution": ["bicubic"], "denoising": ["noisy_input"]}

    for name in ("figure6", "samples", "figure10"):
        sizes = {kind: (results / f"figures/log_cosh/{name}.{kind}").stat().st_size for kind in ("png", "svg", "csv")}
        assert min(sizes["png"], sizes["svg"]) > 10_000 and sizes["csv"] > 100, name
    points = pd.read_csv(results / "figures/log_cosh/figure6.csv").set_index(["panel", "loss"])["value"]
    values = sweep.set_index(["metric", "loss"])["value"]
    for place in (("squared_error", "l2_2"), ("kl", "log_cosh_100"), ("frechet_vgg16", "log_cosh_100")):
        assert points[place] == pytest.approx(values[place], rel=1e-5)

    page = (results / "report/index.html").read_text(encoding="utf-8")
    assert page.count('<figure class="drawn">') == 3
    assert "no picture kept" not in page and "The figure as files" in page
    claims = {claim["id"]: claim for claim in json.loads((results / "report/claims.json").read_text(encoding="utf-8"))}
    # one run tells no direction, and losses that the cut tables lack are named
    assert claims["figure10_255_won_l2"]["verdict"] in {"higher in one run", "lower in one run", "undecided"}
    assert claims["figure10_255_won_l1"]["reason"] == "the table has no loss l1 at this scale"
    assert claims["figure6_log_cosh_reconstruction"]["verdict"] == "not attempted"
    assert claims["figure6_looks"]["verdict"] == "not judged"


def test_a_loss_that_a_figure_misspells_stops_at_planning(workflow: Path) -> None:
    table = workflow / "config/tables/log_cosh/figure6.yaml"
    with edited(table, lambda text: text.replace("'100': log_cosh_100", "'100': log_cos_100")):
        code, printed = snakemake(workflow, *CI, "--dry-run")
    assert code != 0
    assert "figure6.yaml: figure: 'log_cos_100' is not defined; did you mean 'log_cosh_100'?" in printed
