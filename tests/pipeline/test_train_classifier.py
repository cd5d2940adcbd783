"""Stage train_classifier: what it writes, that attacks are withstood after training on them, and that it resumes."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from _runs import UNFINISHED, assert_same_run, card, cut_off, history, names, run_of

from lossbench import classifiers, loss_networks
from lossbench.classifiers._accuracy import check_witness
from lossbench.device import to_tensor
from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.images import write_png
from lossbench.loss_networks import vgg16
from lossbench.loss_networks._normalise import DEAD, mean_activations
from pipeline import train_classifier
from pipeline.learning.labelled import LabelledCrops
from pipeline.outputs.arrays import Arrays, Entry, write_arrays
from pipeline.specs.classifier import ClassifierSpec

LABEL = "classifier/toy"
SIDE = 32
OUTPUTS = {"network.safetensors", "classifier.safetensors", "witness.npz", "card.json", "history.csv", "run.lock"}
OUTPUTS |= {"scores.csv", "chance.csv"}
SMALL = {"patch": SIDE, "batch": 6, "augment": False}
ATTACK = {"radius": 0.5, "steps": 2}
MakeSpec = Callable[..., ClassifierSpec]


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Any:
    """Make VGG-16 small enough for a test: two convolutions, and 8 units in the published head."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vgg16, "WIDTHS", ((16,), (16,)))
        patch.setitem(classifiers.CHANNELS, "vgg16", ("pool2", 16))
        patch.setattr(classifiers, "HIDDEN", 8)
        yield


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return three prepared classes: waves of three directions, with noise."""
    folder = tmp_path_factory.mktemp("targets")
    entries = []
    rows, columns = np.mgrid[:48, :48]
    for place, (name, wave) in enumerate((("across", rows), ("down", columns), ("slanted", rows + columns))):
        for split in ("train", "test"):
            noise = np.random.default_rng(place + 10 * len(split)).normal(0, 10, (48, 48, 3))
            pixels = np.clip(128 + 40 * np.sin(0.9 * wave)[..., None] + noise, 0, 255).astype(np.uint8)
            entries.append(Entry(f"{name}-{split}", split, pixels, f"{name}.png", "CC0", group=name))
    write_arrays(folder, "target", entries, {"dataset": "toy"})
    return folder / "target.json"


@pytest.fixture(scope="module")
def make_spec(make_recipe: Callable[..., Any]) -> MakeSpec:
    """Return a function from changes of recipe and spec to the spec of a narrow VGG-16."""

    def make(recipe: dict[str, Any] | None = None, **changes: Any) -> ClassifierSpec:
        values: dict[str, Any] = {
            "architecture": "vgg16",
            "arguments": {"layout": "torchvision"},
            "head": "pooled",
            "dataset": "toy",
            "classes": 3,
            "side": SIDE,
            # a transposed wave across is one down
            "recipe": make_recipe(**{**SMALL, **(recipe or {})}).model_dump(mode="json"),
            "evaluation": {"radius": 4.0, "steps": 10, "untargeted_steps": 10, "each": 4},
            "seed": 3,
        }
        return ClassifierSpec.parse({**values, **changes}, "test")

    return make


def run(spec: ClassifierSpec, output: Path, **changes: Any) -> Path:
    train_classifier.main(spec, "code", run_of(output, LABEL, changes), **changes)
    return output


@pytest.fixture(scope="module")
def standard(tmp_path_factory: pytest.TempPathFactory, targets: Path, make_spec: MakeSpec) -> Path:
    folder = tmp_path_factory.mktemp("classifier") / "standard"
    return run(make_spec({"steps": 60, "learning_rate": 1e-2, "history": 59}), folder, targets=targets)


def test_a_run_leaves_trunk_classifier_probe_card_and_history(standard: Path, make_spec: MakeSpec) -> None:
    assert names(standard) == OUTPUTS
    found = card(standard)
    assert found["held_out_crops"] == 12 and found["classes"] == ["across", "down", "slanted"]
    assert found["clean_accuracy"] == 1.0
    assert 0 <= found["untargeted_accuracy"] <= found["adversarial_accuracy"] <= 1
    assert ClassifierSpec.parse(found["spec"], "card").side == SIDE
    model, stored = classifiers.load(standard / "classifier.safetensors")
    assert stored == found
    assert found["parameters"] == 3 * 9 * 16 + 16 + 16 * 9 * 16 + 16 + 16 * 3 + 3
    assert found["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    first, last = history(standard)
    assert list(first) == ["step", "learning_rate", "total", "clean", "gradient_norm"]
    assert float(last["total"]) < 0.2 * float(first["total"])


def test_the_trunk_is_a_loss_network_whose_filters_are_active_at_1(standard: Path, targets: Path) -> None:
    network: Any
    network, _ = loss_networks.load(standard / "network.safetensors")
    model: Any
    model, _ = classifiers.load(standard / "classifier.safetensors")
    crops = LabelledCrops(Arrays(targets), side=SIDE, batch=6, seed=3, augment=False)
    images = [to_tensor(crops.draw(step)[0], torch.device("cpu")) for step in range(math.ceil(1000 / 6))]
    for mean in mean_activations(network, images).values():
        # a dead filter stays near 0
        assert mean[mean > DEAD].numpy() == pytest.approx(1, abs=1e-4)
    ours, theirs = (trunk.layers(images[0], ["conv2_1"])["conv2_1"] for trunk in (network, model.trunk))
    active = theirs.sum(dim=(0, 2, 3)) > 0
    assert active.any()
    ratio = (ours.sum(dim=(0, 2, 3)) / theirs.sum(dim=(0, 2, 3)))[None, active, None, None]
    assert torch.allclose(ours[:, active], ratio * theirs[:, active], rtol=1e-4, atol=1e-5)


def test_scores_are_a_row_a_crop_and_metric_and_chance_is_what_guessing_gives(standard: Path) -> None:
    scores, chance = (pd.read_csv(standard / f"{name}.csv") for name in ("scores", "chance"))
    expected = [f"{name}~{index:03d}" for name in ("across", "down", "slanted") for index in range(4)]
    for frame in (scores, chance):
        assert list(frame) == ["image", "metric", "value", "picture"]
        assert (frame["picture"] == frame["image"].str[:-4]).all()
        for _, rows in frame.groupby("metric"):
            assert list(rows["image"]) == expected
    assert set(scores["value"]) <= {0.0, 100.0}
    assert chance["value"].to_numpy() == pytest.approx(100 / 3)
    means = scores.groupby("metric")["value"].mean() / 100
    for metric, name in (("accuracy", "clean_accuracy"), ("adversarial_accuracy",) * 2, ("untargeted_accuracy",) * 2):
        assert means[metric] == pytest.approx(card(standard)[name], abs=1e-4)


def test_the_witness_of_a_run_accepts_it_and_refuses_another_normalisation(standard: Path) -> None:
    model: Any
    model, _ = classifiers.load(standard / "classifier.safetensors")
    check_witness(model, standard / "witness.npz")
    model.trunk.mean -= 3
    with pytest.raises(UserError, match=r"witness\.npz: clean accuracy .* expected 1\.0000"):
        check_witness(model, standard / "witness.npz")


def test_adversarial_training_goes_on_from_a_classifier_and_withstands_attacks(
    standard: Path, targets: Path, make_spec: MakeSpec, tmp_path: Path
) -> None:
    recipe = {"steps": 60, "learning_rate": 1e-2, "history": 59}
    attack = {"radius": 5.0, "steps": 3, "warm_up": 0.5}
    spec = make_spec(recipe, initial="classifier", attack=attack)
    folder = run(spec, tmp_path / "robust", targets=targets, initial=standard / "classifier.safetensors")
    assert list(history(folder)[0])[2:-1] == ["total", "clean", "adversarial", "pairing"]
    robust, before = card(folder), card(standard)
    assert robust["adversarial_accuracy"] >= before["adversarial_accuracy"] + 0.3
    assert robust["untargeted_accuracy"] >= before["untargeted_accuracy"] + 0.3
    assert robust["clean_accuracy"] >= 0.9


def test_a_frozen_trunk_stays_to_the_bit_while_its_head_learns(
    standard: Path, targets: Path, make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec({"steps": 60, "learning_rate": 3e-2, "history": 59}, initial="trunk", frozen_trunk=True, seed=9)
    folder = run(spec, tmp_path / "frozen", targets=targets, initial=standard / "network.safetensors")
    given, _ = loss_networks.load(standard / "network.safetensors")
    kept, _ = classifiers.load(folder / "classifier.safetensors")
    assert all(torch.equal(value, kept.trunk.state_dict()[name]) for name, value in given.state_dict().items())
    first, last = history(folder)
    assert float(last["total"]) < 0.5 * float(first["total"])
    assert card(folder)["parameters"] == 16 * 3 + 3


def test_the_radius_grows_in_the_warm_up(
    targets: Path, make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    radii: list[float] = []

    def noted(_: object, images: torch.Tensor, __: torch.Tensor, radius: float, *___: object) -> torch.Tensor:
        radii.append(radius)
        return images

    monkeypatch.setattr(train_classifier, "perturb", noted)
    run(make_spec(attack={**ATTACK, "warm_up": 0.5}), tmp_path / "warm", targets=targets)
    assert radii == pytest.approx([0.125, 0.25, 0.375, 0.5, 0.5, 0.5, 0.5, 0.5])
    run(make_spec(attack=ATTACK), tmp_path / "cold", targets=targets)
    assert radii[8:] == [0.5] * 8


def test_the_total_is_the_mean_of_both_errors_and_the_weighted_pairing(
    targets: Path, make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec({"steps": 3, "history": 1}, attack={**ATTACK, "pairing": 0.7})
    for row in history(run(spec, tmp_path / "run", targets=targets)):
        clean, adversarial, pairing, total = (float(row[name]) for name in ("clean", "adversarial", "pairing", "total"))
        assert total == pytest.approx((clean + adversarial) / 2 + 0.7 * pairing, rel=1e-5)


@pytest.mark.parametrize(("ema", "precision"), [(None, "float32"), (0.9, "bfloat16")])
def test_a_run_that_was_cut_off_resumes_and_ends_with_the_same_bytes(
    ema: float | None,
    precision: str,
    targets: Path,
    make_spec: MakeSpec,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = make_spec({"ema": ema, "precision": precision}, attack=ATTACK, head="published", dropout=0.5)
    whole, folder = run(spec, tmp_path / "whole", targets=targets), tmp_path / "cut"
    with cut_off(train_classifier, "perturb", 5):
        run(spec, folder, targets=targets, checkpoint_seconds=0)
    assert names(folder) == UNFINISHED
    capsys.readouterr()
    run(spec, folder, targets=targets)
    assert f"{LABEL}  resumes at step 5/8" in capsys.readouterr().out
    assert names(folder) == OUTPUTS
    assert_same_run(folder, whole, "classifier.safetensors", classifiers.load, "witness.npz")


def released(folder: Path, path: Path) -> dict[str, str]:
    """Store the classifier of `folder` in torchvision's layout, with the digest of the file."""
    model, _ = classifiers.load(folder / "classifier.safetensors")
    names_of: Any = model.trunk
    position, state = 0, {}
    for name in names_of.names:
        if name.startswith("conv"):
            for kind in ("weight", "bias"):
                state[f"features.{position}.{kind}"] = model.trunk.state_dict()[f"{name}.{kind}"]
            position += 1
        position += 1
    state |= {f"classifier.{name}": value for name, value in model.head.state_dict().items()}
    torch.save(state, path)
    return {"file": path.name, "digest": f"sha256:{sha256(path)[:12]}"}


def test_a_classifier_from_elsewhere_is_scored_and_stored_or_refused_below_its_stated_accuracy(
    targets: Path, make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the published variance belongs to 4096 units
    monkeypatch.setattr(classifiers, "initialise", lambda model: None)
    trained = run(make_spec({"steps": 80, "learning_rate": 1e-2}, head="published"), tmp_path / "own", targets=targets)
    file = tmp_path / "vgg16.pth"
    weights = released(trained, file)
    accuracy = card(trained)["clean_accuracy"]
    assert accuracy > 0.9
    spec = make_spec(head="published").model_dump(mode="json")
    spec |= {"recipe": None, "weights": weights, "clean_accuracy": accuracy}
    folder = run(ClassifierSpec.parse(spec, "test"), tmp_path / "given", targets=targets, weights_root=tmp_path)
    assert names(folder) == OUTPUTS - {"history.csv"}
    assert card(folder)["clean_accuracy"] == accuracy
    assert (folder / "witness.npz").read_bytes() == (trained / "witness.npz").read_bytes()
    many = ClassifierSpec.parse({**spec, "evaluation": {**spec["evaluation"], "each": 40}}, "test")
    monkeypatch.setattr(vgg16, "MEAN", (3.0, 3.0, 3.0))
    with pytest.raises(UserError, match=rf"{file}: clean accuracy 0\.\d+ on 120 crops, {accuracy:.4f} is stated"):
        run(many, tmp_path / "refused", targets=targets, weights_root=tmp_path)
    assert not names(tmp_path / "refused") & OUTPUTS - {"run.lock"}
    wrong = ClassifierSpec.parse({**spec, "weights": {**weights, "digest": "sha256:000000"}}, "test")
    with pytest.raises(UserError, match=rf"{file} has sha256:.*, expected sha256:000000; download it again"):
        run(wrong, tmp_path / "wrong", targets=targets, weights_root=tmp_path)
    with pytest.raises(UserError, match=r"vgg16\.pth is missing; `python -m pipeline plan` says where to get it"):
        run(many, tmp_path / "lost", targets=targets, weights_root=tmp_path / "nowhere")


def test_pictures_are_read_as_they_are_needed_when_they_are_not_prepared(make_spec: MakeSpec, tmp_path: Path) -> None:
    for split in ("train", "val"):
        for place, wnid in enumerate(("n01", "n02", "n03")):
            pixels = np.full((40, 50, 3), 60 * place + 40, np.uint8)
            write_png(tmp_path / "imagenet" / split / wnid / "x.png", pixels)
    spec = make_spec({"steps": 2}, dataset="imagenet", root=str(tmp_path / "imagenet"))
    folder = run(spec, tmp_path / "run", threads=1)
    assert set(pd.read_csv(folder / "scores.csv")["image"]) == {"n01-x", "n02-x", "n03-x"}
    assert card(folder)["held_out_crops"] == 3
    assert card(folder)["classes"] == ["n01", "n02", "n03"]


def test_what_does_not_fit_is_refused_before_training(
    targets: Path, make_spec: MakeSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="classes: 4, data set 'toy' has 3; make them equal"):
        run(make_spec(classes=4), tmp_path / "run", targets=targets)
    with pytest.raises(UserError, match=f"{LABEL}: the spec starts from a file; give it as `initial`"):
        run(make_spec(initial="trunk"), tmp_path / "run", targets=targets)
    with pytest.raises(UserError, match=f"{LABEL}: the spec has no root; give the prepared data set as `targets`"):
        run(make_spec(), tmp_path / "run")
    assert "step" not in capsys.readouterr().out
