"""Values that only a job would have stumbled over are refused at planning, with file, entry and what to write."""

import shutil
from pathlib import Path

import pytest
from _config import TABLE, Mistakes, PlanOf, both, place, refused

from lossbench.errors import UserError

SCALE = "config/scale/ci.yaml"
CONFIG = "config/config.yaml"

MISTAKES: Mistakes = {
    "seed twice": (place("scale.seeds", [0, 0]), f"{SCALE}: seeds: 0 is given twice; keep one"),
    "negative seed": (place("scale.seeds", [-1]), f"{SCALE}: seeds.0: Input should be greater than or equal to 0"),
    "seed with a point": (place("scale.seeds", [1.0]), f"{SCALE}: seeds.0: a whole number is expected (got 1.0)"),
    "truth value as a seed": (place("scale.seeds", [True]), f"{SCALE}: seeds: a number is expected (got [True])"),
    "huge seed": (place("scale.seeds", [2**70]), f"{SCALE}: seeds.0: Input should be less than 4294967296"),
    "number of seeds": (place("scale.seeds", 3), f"{SCALE}: seeds: a list is expected (got 3)"),
    "truth value as steps": (
        place("scale.networks.edsr.recipe.steps", True),
        f"{SCALE}: networks.edsr.recipe.steps: a number is expected (got true)",
    ),
    "loss argument that YAML takes for text": (
        both(
            place("table.losses", ["original", "mine"]),
            place("losses.mine", {"loss": "log_cosh", "arguments": {"a": "1e2"}}),
        ),
        "config/losses.yaml: mine.arguments: a: 'log_cosh' takes a number (got '1e2'); write 100.0 or 1.0e+2",
    ),
    "loss argument in quotes": (
        place("losses.kmae.arguments", {"weight": "0.1"}),
        "config/losses.yaml: kmae.arguments: weight: 'kmae' takes a number (got '0.1'); write 0.1 without quotes",
    ),
    "loss argument of the scale": (
        place("scale.losses.vgg.arguments", {"layer": ["conv1_2"]}),
        f"{SCALE}: losses.vgg.arguments: layer: 'vgg' takes text (got ['conv1_2'])",
    ),
    "loss argument beside one of the scale": (
        place("losses.vgg.arguments", {"layer": "conv5_4", "precision": 3}),
        "config/losses.yaml: vgg.arguments: precision: 'vgg' takes text (got 3); put it in quotes",
    ),
    "loss argument of a task": (
        place("losses.kmae.per_task", {"super_resolution_x2": {"weight": "much"}}),
        "config/losses.yaml: kmae.per_task.super_resolution_x2: weight: 'kmae' takes a number (got 'much')",
    ),
    "unknown loss argument": (
        place("losses.kmae.arguments", {"wieght": 1.0}),
        "config/losses.yaml: kmae.arguments: 'kmae' takes no argument 'wieght'; did you mean 'weight'?",
    ),
    "infinite weight": (
        place("losses.kmae.arguments", {"weight": float("inf")}),
        "config/losses.yaml: kmae.arguments: weight: 'kmae' takes a number (got inf)",
    ),
    "network argument": (
        place("scale.networks.edsr.arguments", {"channels": 3.5}),
        f"{SCALE}: networks.edsr.arguments: channels: 'edsr' takes a whole number (got 3.5)",
    ),
    "unknown network argument": (
        place("scale.networks.edsr.arguments", {"chanels": 3}),
        f"{SCALE}: networks.edsr.arguments: 'edsr' takes no argument 'chanels'; did you mean 'channels'?",
    ),
    "loss network argument": (
        place("scale.loss_networks.mae_task.architecture", {"depth": "two"}),
        f"{SCALE}: loss_networks.mae_task.architecture: depth: 'mae' takes a whole number (got 'two')",
    ),
    "list of a loss network": (
        place("scale.loss_networks.cnn_mae_task.architecture", {"widths": [4, "8"]}),
        f"{SCALE}: loss_networks.cnn_mae_task.architecture: widths: 'cnn_mae' takes a list of whole numbers",
    ),
    "steps in quotes": (
        place("scale.networks.edsr.recipe.steps", "6"),
        f"{SCALE}: networks.edsr.recipe.steps: a whole number is expected (got '6'); write 6 without quotes",
    ),
    "a word for true": (
        place("scale.networks.edsr.own_loss", "yes"),
        f"{SCALE}: networks.edsr.own_loss: true or false is expected (got 'yes')",
    ),
    "one for true": (
        place("scale.networks.edsr.own_loss", 1),
        f"{SCALE}: networks.edsr.own_loss: true or false is expected (got 1)",
    ),
    "setting of a task in quotes": (
        place("config.tasks.super_resolution_x2.settings.scale", "2"),
        f"{CONFIG}: tasks.super_resolution_x2: settings of task 'super_resolution': scale: a whole number is expected "
        "(got '2'); write 2 without quotes",
    ),
    "unknown setting of a task": (
        place("config.tasks.super_resolution_x2.settings", {"scal": 2}),
        f"{CONFIG}: tasks.super_resolution_x2: settings of task 'super_resolution': key 'scale' is missing",
    ),
    "range of a task": (
        place("config.tasks.denoising_sidd.settings.sigma", [50, 5]),
        f"{CONFIG}: tasks.denoising_sidd: settings of task 'denoising': sigma: [50, 5] is not [lowest, highest]",
    ),
    "unknown setting of pan-sharpening": (
        place("config.tasks.pan_sharpening.settings.lowpas", "mtf"),
        f"{CONFIG}: tasks.pan_sharpening: settings: unknown setting 'lowpas'; did you mean 'lowpass'?",
    ),
    "weight of a band": (
        place("config.tasks.pan_sharpening_gf2.settings.pan", {"red": "much"}),
        f"{CONFIG}: tasks.pan_sharpening_gf2: settings.pan.red: a number is expected (got 'much')",
    ),
    "column's crop": (
        place("table.metrics.psnr.crop", "eight"),
        f"{TABLE}: metrics.psnr.crop: a whole number or a mapping of entries is expected (got 'eight')",
    ),
    "name that YAML takes for a truth value": (
        place("table.networks", [False]),
        f"{TABLE}: networks.0: text is expected (got false); put it in quotes",
    ),
    "seed of noise that is compared too": (
        place("scale.noise_seeds", [1]),
        "seeds and noise_seeds: 1 is given twice; keep one",
    ),
    "loss twice in a table": (
        place("table.losses", ["original", "vgg", "original"]),
        f"{TABLE}: losses and controls: 'original' is given twice; keep one",
    ),
    "control that is a loss": (
        place("table.controls", ["vgg"]),
        f"{TABLE}: losses and controls: 'vgg' is given twice; keep one",
    ),
    "network twice in a table": (
        place("table.networks", ["edsr", "edsr"]),
        f"{TABLE}: networks: 'edsr' is given twice; keep one",
    ),
    "table twice": (
        place("config.tables", ["mae_loss/table3", "mae_loss/table3"]),
        f"{CONFIG}: tables: 'mae_loss/table3' is given twice; keep one",
    ),
    "table of the controls": (
        place("scale.control_tables", ["mae_loss/tabel3"]),
        f"{SCALE}: control_tables: 'mae_loss/tabel3' is not defined; did you mean 'mae_loss/table3'?",
    ),
    "control that is no loss": (
        place("scale.absent_controls", ["original_longr"]),
        f"{SCALE}: absent_controls: 'original_longr' is not defined; did you mean 'original_longer'?",
    ),
    "fewer steps than the recipe's": (
        place("losses.original_longer.steps_factor", 0.5),
        "config/losses.yaml: original_longer: steps_factor: ",
    ),
    "paying for nothing": (
        place("losses.ctmae.pays_pretraining", True),
        "config/losses.yaml: ctmae.pays_pretraining: name the loss in 'as_long_as'",
    ),
    "more steps than a recipe may have": (
        place("scale.losses.original_longer.steps_factor", 1e9),
        f"{SCALE}: losses.original_longer.steps_factor: steps: Input should be less than or equal to",
    ),
    "loss as long as itself": (
        place("losses.original_longer.as_long_as", "original_longer"),
        "config/losses.yaml: original_longer.as_long_as: 'original_longer' takes as long as 'original_longer'",
    ),
    "losses as long as each other": (
        both(
            place("losses.original_longer.as_long_as", "ctmae"),
            place("losses.ctmae.as_long_as", "original_longer"),
        ),
        "takes as long as 'ctmae', which takes as long as 'original_longer'",
    ),
    "classifier that starts from itself": (
        both(
            place("scale.classifiers.standard_vgg19.trunk", None),
            place("scale.classifiers.standard_vgg19.classifier", "robust_vgg19"),
        ),
        "'standard_vgg19' rests on 'robust_vgg19', which rests on 'standard_vgg19'",
    ),
    "scale in capitals": (
        place("config.scale", "CI"),
        "unknown scale 'CI' (no config/scale/CI.yaml); did you mean 'ci'?",
    ),
    "empty scale": (place("config.scale", None), f"{CONFIG}: scale: text is expected (got nothing)"),
    "metric in capitals": (
        place("table.metrics.PSNR", {"source": "mine"}),
        "unknown metric 'PSNR' (no lossbench/metrics/PSNR.py); did you mean 'psnr'?",
    ),
    "data set in capitals": (
        place("table.columns.x2.dataset", "DIV2K"),
        "unknown dataset 'DIV2K' (no lossbench/datasets/DIV2K.py); did you mean 'div2k'?",
    ),
    "home of nobody": (
        place("config.data_root", "~nobody_at_all/data"),
        f"{CONFIG}: data_root: '~nobody_at_all/data' names no user's home on this machine; write the whole path",
    ),
    "memory of a stage": (
        place("scale.memory_mb", {"tran": 1000}),
        f"{SCALE}: memory_mb: no stage 'tran'; did you mean 'train'?",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_value_that_a_job_would_stumble_over_is_refused(mistake: str, plan_of: PlanOf) -> None:
    refused(plan_of, MISTAKES[mistake])


@pytest.mark.parametrize("name", ["mine", "a/b/mine"])
def test_a_table_outside_the_folder_of_a_paper_is_refused(name: str, plan_of: PlanOf) -> None:
    def change(contents: dict[str, object]) -> None:
        file = Path(f"config/tables/{name}.yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("config/tables/mae_loss/table3.yaml", file)
        contents["config"]["tables"] = [name]  # type: ignore[index]

    refused(
        plan_of, (change, f"config/tables/{name}.yaml: the table lies in no paper's folder; move it to config/tables/")
    )


def test_the_home_of_the_user_is_put_in_the_place_of_its_sign(plan_of: PlanOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    change = both(place("config.data_root", "~/data"), place("config.weights_root", "~/weights"))
    configuration = plan_of(change).configuration
    assert configuration.data_root("div2k") == "/home/me/data/div2k"
    assert configuration.config.weights_root == "/home/me/weights"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sacle": "ci"}, "--config sacle: no such entry; did you mean 'scale'?"),
        ({"sacle": "ci"}, "targets stand before --config, or behind it after --"),
        ({"seeds": 3}, "--config seeds: it stands in config/scale/<scale>.yaml"),
        ({"scale": None}, "config/config.yaml with --config scale: scale: text is expected (got nothing)"),
        ({"threads": "two"}, "with --config threads: threads: a whole number is expected (got 'two')"),
        ({"tables": "mae_loss/table3"}, "tables: a list is expected (got 'mae_loss/table3'); write [mae_loss/table3]"),
        (
            {"tables": ["mae_loss/TABLE3"]},
            "unknown table 'mae_loss/TABLE3' (no config/tables/mae_loss/TABLE3.yaml); did",
        ),
    ],
)
def test_an_entry_of_the_command_line_is_named_as_such(given: dict[str, object], message: str, plan_of: PlanOf) -> None:
    plan = plan_of(lambda contents: None)
    values = {**plan.config.model_dump(), **given}
    with pytest.raises(UserError) as caught:
        type(plan).from_config(values, given=given)
    assert message in str(caught.value) and "\n" not in str(caught.value)
