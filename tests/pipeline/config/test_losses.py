"""What each loss is at a scale, and mistakes in saying so."""

from functools import cache
from typing import Any

import pytest
from _config import TABLE, Mistakes, PlanOf, both, content, place, refused, renamed
from _repository import ROOT

from pipeline.config.losses import Loss, at_scale
from pipeline.config.read import Configuration
from pipeline.specs.train import LossSpec, TrainSpec

MISTAKES: Mistakes = {
    "loss": (
        place("table.losses", ["original", "vvg"]),
        "config/losses.yaml: no loss 'vvg', nor at this scale; did you mean 'vgg'?",
    ),
    "loss again that is another": (
        place("losses.original_again.again_of", "vgg"),
        "config/tables/mae_loss/table3.yaml: again: 'original_again' is not 'original' again (again_of in losses.yaml)",
    ),
    "loss again that nobody knows": (
        place("losses.original_again.again_of", "orignal"),
        "original_again.again_of: no loss 'orignal'; did you mean 'original'?",
    ),
    "loss again with something of its own": (
        place("losses.original_again", {"again_of": "original", "arguments": {"weight": 1.0}}),
        "original_again: arguments: it is 'original' again; leave out all but again_of",
    ),
    "loss again of a loss again": (
        place("losses.e_again.again_of", "original_again"),
        "e_again.again_of: 'original_again' is itself 'original' again; name that one",
    ),
    "loss file": (
        both(place("table.losses", ["original", "ccmea"]), renamed("losses.ccmae", "ccmea")),
        "config/losses.yaml: ccmea.loss: unknown loss 'ccmea' (no lossbench/losses/ccmea.py); did you mean 'ccmae'?",
    ),
    "loss file of a loss that no table has": (
        place("losses.robust_pt.loss", "perceptul"),
        "config/losses.yaml: robust_pt.loss: unknown loss 'perceptul' (no lossbench/losses/perceptul.py); did you mean",
    ),
    "name of a loss that differs at the scale": (
        renamed("scale.losses.vgg", "vggg"),
        "config/scale/ci.yaml: losses.vggg.loss: unknown loss 'vggg' (no lossbench/losses/vggg.py); did you mean 'vgg'",
    ),
    "key of a loss": (
        renamed("losses.ep.arguments", "argument"),
        "config/losses.yaml: ep: unknown key 'argument'; did you mean 'arguments'?",
    ),
    "key of a loss that differs at the scale": (
        renamed("scale.losses.vgg.arguments", "argument"),
        "config/scale/ci.yaml: unknown key 'losses.vgg.argument'; did you mean 'arguments'?",
    ),
    "losses that are no mapping": (
        lambda contents: contents.update(losses=["ep"]),
        "config/losses.yaml: no mapping of names to losses (got ['ep'])",
    ),
    "task of a loss": (
        place("losses.kmae.per_task", {"denoising": {"weight": 2.0}}),
        "config/losses.yaml: kmae.per_task: 'denoising' is not defined; did you mean 'denoising_sidd'?",
    ),
    "terms of a loss": (
        both(place("table.losses", ["original", "ep"]), place("losses.ep.arguments.terms", "epp")),
        "config/losses.yaml: ep.arguments: unknown terms 'epp'; did you mean 'ep'?",
    ),
    "loss that a run takes as long as": (
        place("losses.original_longer.as_long_as", "ctmea"),
        "config/losses.yaml: original_longer.as_long_as: 'ctmea' is not defined; did you mean 'ctmae'?",
    ),
    "control": (
        place("table.controls", ["random_tame"]),
        "config/losses.yaml: no loss 'random_tame', nor at this scale; did you mean 'random_tmae'?",
    ),
    "loss argument": (
        place("scale.losses.vgg.arguments", {"layr": "conv1_2"}),
        "'vgg' takes no argument 'layr'; did you mean 'layer'?",
    ),
    "reference loss": (
        place("table.reference_loss", "orginal"),
        f"{TABLE}: reference_loss: 'orginal' is not defined; did you mean 'original'?",
    ),
    "loss without its network": (
        place("losses.ccmae", {}),
        "config/losses.yaml: ccmae.loss_network: none is given; 'ccmae' takes cnn_mae or unet_mae",
    ),
    "pixel loss with a network": (
        place("scale.losses.original", {"loss_network": "mae_task"}),
        "config/scale/ci.yaml: losses.original.loss_network: mae_task is of kind 'mae'; 'original' takes none",
    ),
    "loss network": (
        place("losses.ctmae.loss_network", "mae_tsk"),
        "config/scale/ci.yaml: loss_networks has no 'mae_tsk'; did you mean 'mae_task'?",
    ),
    "loss network of another kind": (
        place("scale.losses.vgg.loss_network", "mae_task"),
        "config/scale/ci.yaml: losses.vgg.loss_network: mae_task is of kind 'mae'; 'vgg' takes vgg19 or vgg16",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_the_nearest_name(mistake: str, plan_of: PlanOf) -> None:
    refused(plan_of, MISTAKES[mistake])


SCALES = ("ci", "demo", "paper")
ROBUST = ("ep", "ept", "et", "p", "pt", "ep_pools", "ept_pools")
RANDOM = ("random_tmae", "random_cmae", "p_random_tmae", "p_random_cmae")
PIXELS = (
    *("l1", "l1_again", "l2", "l2_again", "charbonnier", "log_cosh_255"),
    *(f"{kind}_{number}" for kind in ("l2", "log_cosh") for number in (2, 10, 20, 50, 100, 200)),
)
LONGER = ("original_longer", "original_longer_paid", "p_original_longer", "p_original_longer_paid")
FEATURES = ("kmae", "ctmae", "ccmae", "p_ctmae", "p_ccmae", *RANDOM)


@cache
def read_scale(scale: str) -> Configuration:
    return Configuration.read({**content(ROOT / "config/config.yaml"), "scale": scale}, ROOT / "config")


def test_what_differs_at_a_scale_is_put_over_a_loss_argument_by_argument() -> None:
    whole = {
        "loss": "kmae",
        "loss_network": "public",
        "arguments": {"weight": 1.0, "layer": 3},
        "per_task": {"x2": {"weight": 2.0, "layer": 4}, "x4": {"weight": 3.0}},
        "source": "paper",
    }
    losses = {"a": Loss.model_validate(whole), "b": Loss()}
    own = Loss(arguments={"weight": 0.5}, per_task={"x2": {"weight": 0.1}, "x8": {"weight": 0.2}}, source="short")
    found = at_scale(losses, {"a": own, "c": Loss(loss="b")})
    assert found["a"] == Loss(
        loss="kmae",
        loss_network="public",
        arguments={"weight": 0.5, "layer": 3},
        per_task={"x2": {"weight": 0.1, "layer": 4}, "x4": {"weight": 3.0}, "x8": {"weight": 0.2}},
        source="short",
    )
    assert found["b"] == Loss() and found["c"] == Loss(loss="b")
    assert losses["a"] == Loss.model_validate(whole)
    assert at_scale(losses, {"a": Loss(loss_network=None)})["a"].loss_network is None


def test_a_scale_may_have_a_loss_of_its_own(plan_of: PlanOf) -> None:
    own = {"loss": "ctmae", "loss_network": "mae_task", "arguments": {"weight": 0.5}}
    change = both(place("table.losses", ["original", "mine"]), place("scale.losses.mine", own))
    job = plan_of(change).job("train", ("super_resolution_x2", "photographs", "edsr", "mine", "0"))
    assert isinstance(job.spec, TrainSpec)
    assert job.spec.loss == LossSpec(name="ctmae", arguments={"pixel": "l1", "weight": 0.5}, loss_network="mae")


@pytest.mark.parametrize("scale", SCALES)
def test_a_robust_loss_is_the_plain_one_on_another_loss_network(scale: str) -> None:
    named = read_scale(scale).losses
    for name in ROBUST:
        plain, robust = named[name], named[f"robust_{name}"]
        assert plain.loss == "perceptual" and plain.arguments["terms"] == name.removesuffix("_pools")
        assert (plain.loss_network, robust.loss_network) == ("standard_vgg", "robust_vgg")
        assert robust.model_copy(update={"loss_network": "standard_vgg"}) == plain
        assert plain.arguments.get("layers") == ("enhancenet" if name.endswith("_pools") else None)
    assert named["e"] == Loss(loss="original")


@pytest.mark.parametrize(
    ("scale", "vgg", "weight", "per_task"),
    [
        ("ci", {"layer": "conv1_2", "weight": 0.001}, 1.0, {}),
        (
            "demo",
            {"layer": "conv2_2", "weight": 3e-4, "every": 2},
            0.3,
            {
                "denoising_sidd": 0.1,
                "super_resolution_x2": 0.1,
                "super_resolution_x4": 0.1,
                "pan_sharpening": 0.005,
                "pan_sharpening_gf2": 0.005,
                "video_denoising": 0.001,
                "video_enhancement": 0.1,
                "super_resolution_x2_every": 0.05,
                "super_resolution_x4_every": 0.05,
            },
        ),
        ("paper", {"layer": "conv5_4", "weight": 1.0}, 1.0, {}),
    ],
)
def test_the_losses_of_the_shipped_scales(
    scale: str, vgg: dict[str, Any], weight: float, per_task: dict[str, float]
) -> None:
    named = read_scale(scale).losses
    assert named.keys() == {
        "original",
        "original_again",
        *LONGER,
        "e",
        "e_again",
        "vgg",
        *FEATURES,
        *ROBUST,
        *(f"robust_{r}" for r in ROBUST),
        *PIXELS,
        *(f"ctmae_every_{k}" for k in (2, 4, 8)),
    }
    assert (named["vgg"].loss_network, named["vgg"].arguments) == ("vgg", vgg)
    of_transformer = ("ctmae", "p_ctmae", "random_tmae", "p_random_tmae")
    networks = {"kmae": "mae_public", **dict.fromkeys(of_transformer, "mae_task")}
    for name in FEATURES:
        assert named[name].loss is None
        assert named[name].loss_network == networks.get(name, "cnn_mae_task")
        assert named[name].arguments == {"weight": weight}
        assert named[name].per_task == {task: {"weight": value} for task, value in per_task.items()}
    for name in LONGER:
        other, paid = ("p_ctmae" if name.startswith("p_") else "ctmae"), name.endswith("_paid")
        # the scale for the tests needs no measured step
        factor = 2 if scale == "ci" and not paid else None
        expected = Loss(loss="original", as_long_as=other, pays_pretraining=paid, steps_factor=factor)
        assert named[name] == expected
