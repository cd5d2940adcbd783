"""Stage train_distance: what it writes, that heads learn to rank, that it resumes, and which files it refuses."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _bapps import write_tree
from _repository import ROOT
from _waves import waves
from safetensors.torch import save_file
from torch import Tensor

from lossbench import loss_networks
from lossbench.errors import UserError
from lossbench.loss_networks import robust_lpips, vgg16
from pipeline import train_distance
from pipeline.learning.judgements import DISTORTIONS
from pipeline.learning.ranking import perturb_triplets
from pipeline.outputs.arrays import Entry, write_arrays
from pipeline.specs.distance import DistanceSpec

LABEL = "train_distance/toy"
SIDE = 16
WIDTHS = [4, 6, 8, 8, 8]
ARCHITECTURE = {"layout": "torchvision", "widths": WIDTHS}
OUTPUTS = {"network.safetensors", "card.json", "history.csv", "run.lock"}
SMALL = {"patch": SIDE, "batch": 8, "augment": False, "betas": [0.5, 0.999]}
ATTACK = {"radius": 0.3, "steps": 2}
MakeSpec = Callable[..., DistanceSpec]
TIMED = ("seconds", "resumed_at", "peak_memory_mib", "peak_gpu_memory_mib", "energy_joules")


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Any:
    """Make VGG-16 as narrow as the test's widths."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vgg16, "WIDTHS", tuple((width,) * len(b) for width, b in zip(WIDTHS, vgg16.WIDTHS, strict=True)))
        yield


@pytest.fixture(scope="module")
def trunk(narrow: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a stored narrow VGG-16 with random weights."""
    return stored(tmp_path_factory.mktemp("trunk") / "network.safetensors", "vgg16", layout="torchvision")


def stored(path: Path, name: str, seed: int = 0, **architecture: Any) -> Path:
    torch.manual_seed(seed)
    loss_networks.save(loss_networks.build(name, **architecture), path, {"source": "random weights"})
    return path


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return prepared pictures of waves."""
    folder = tmp_path_factory.mktemp("targets")
    entries = [
        Entry(f"{split}{index}", split, waves(64, 64, index + 10 * len(split)), f"{split}{index}.png", "CC0")
        for split in ("train", "test")
        for index in range(3)
    ]
    write_arrays(folder, "target", entries, {"dataset": "toy"})
    return folder


@pytest.fixture(scope="module")
def make_spec(make_recipe: Callable[..., Any]) -> MakeSpec:
    """Return a function from changes of recipe and spec to the spec of a narrow R-LPIPS."""

    def make(recipe: dict[str, Any] | None = None, **changes: Any) -> DistanceSpec:
        values: dict[str, Any] = {
            "architecture": ARCHITECTURE,
            "dataset": "toy",
            "side": SIDE,
            "recipe": make_recipe(**{**SMALL, **(recipe or {})}).model_dump(mode="json"),
            "held_out": 6,
            "seed": 3,
        }
        return DistanceSpec.parse({**values, **changes}, "test")

    return make


def run(spec: DistanceSpec, output: Path, trunk: Path, **changes: Any) -> Path:
    train_distance.main(spec, "code", output=output, label=LABEL, trunk=trunk, **changes)
    return output


def card(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return found


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def heads(folder: Path) -> list[Tensor]:
    network: Any = loss_networks.load(folder / "network.safetensors")[0]
    return [head.weight for head in network.heads]


def mean(folder: Path, column: str) -> float:
    return float(np.mean([scores[column] for scores in card(folder)["two_afc"].values()]))


@pytest.fixture(scope="module")
def deepest(narrow: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a stored R-LPIPS whose heads weigh the deepest features alone, which rank badly."""
    torch.manual_seed(0)
    network: Any = loss_networks.build("robust_lpips", **ARCHITECTURE)
    with torch.no_grad():
        for head in network.heads[:-1]:
            head.weight.zero_()
    path = tmp_path_factory.mktemp("deepest") / "network.safetensors"
    loss_networks.save(network, path, {"source": "random weights"})
    return path


TRAINED = {"steps": 60, "batch": 24, "learning_rate": 2e-2, "history": 6}


@pytest.fixture(scope="module")
def standard(
    tmp_path_factory: pytest.TempPathFactory, trunk: Path, targets: Path, deepest: Path, make_spec: MakeSpec
) -> Path:
    folder = tmp_path_factory.mktemp("distance") / "standard"
    return run(make_spec(TRAINED, held_out=40, initial=True), folder, trunk, targets=targets, initial=deepest)


def test_a_run_leaves_network_card_and_history(standard: Path, trunk: Path) -> None:
    assert names(standard) == OUTPUTS
    network: Any
    network, stored_card = loss_networks.load(standard / "network.safetensors")
    found = card(standard)
    assert stored_card == found
    assert network.loss_network == "robust_lpips" and network.architecture == ARCHITECTURE
    assert found["judgements"] == "pseudo" and found["code"] == "code"
    assert DistanceSpec.parse(found["spec"], "card").side == SIDE
    assert found["parameters"] == sum(WIDTHS) + 5 * 32 + 32 + 32 * 32 + 32 + 32 + 1
    assert list(found["two_afc"]) == list(DISTORTIONS)
    for scores in found["two_afc"].values():
        assert list(scores) == ["clean", "triplets"] and scores["triplets"] == 40
    given = loss_networks.load(trunk)[0].state_dict()
    assert all(torch.equal(value, given[name]) for name, value in network.trunk.state_dict().items())
    rows = history(standard)
    assert list(rows[0]) == ["step", "learning_rate", "total", "ranking", "agreement", "gradient_norm"]
    assert all(row["total"] == row["ranking"] for row in rows)


def test_heads_learn_to_rank_better_than_chance_and_than_those_that_they_began_as(
    standard: Path, trunk: Path, targets: Path, deepest: Path, make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec({"steps": 1, "learning_rate": 1e-12}, held_out=40, initial=True)
    untrained = run(spec, tmp_path / "untrained", trunk, targets=targets, initial=deepest)
    assert mean(untrained, "clean") < 0.75
    assert mean(standard, "clean") > max(0.9, mean(untrained, "clean") + 0.15)
    rows = [float(row["ranking"]) for row in history(standard)]
    assert np.mean(rows[-3:]) < 0.7 * rows[0]


def test_heads_are_never_negative_though_they_would_be_without_the_clamp(
    standard: Path,
    trunk: Path,
    targets: Path,
    deepest: Path,
    make_spec: MakeSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert min(float(head.min()) for head in heads(standard)) == 0
    # some have grown in every layer
    assert all(float(head.max()) > 0 for head in heads(standard))
    monkeypatch.setattr(robust_lpips.RobustLPIPS, "clamp_heads", lambda self: None)
    spec = make_spec({"steps": 10, "batch": 24, "learning_rate": 2e-2}, held_out=1, initial=True)
    free = run(spec, tmp_path / "free", trunk, targets=targets, initial=deepest)
    assert min(float(head.min()) for head in heads(free)) < 0


def test_heads_trained_against_attacks_withstand_them_better_than_others(
    trunk: Path, targets: Path, deepest: Path, make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attacks: list[tuple[Any, ...]] = []

    def noted(*arguments: Any) -> Tensor:
        attacks.append(arguments[3:])
        return perturb_triplets(*arguments)

    recipe = {**TRAINED, "steps": 40, "learning_rate": 3e-2}
    spec = make_spec(recipe, held_out=16, initial=True, attack={"radius": 0.3, "steps": 3})
    monkeypatch.setattr(train_distance, "perturb_triplets", noted)
    robust = run(spec, tmp_path / "robust", trunk, targets=targets, initial=deepest)
    assert attacks == [(0.3, 3, None)] * 40
    monkeypatch.setattr(train_distance, "perturb_triplets", lambda model, images, *_: images)
    plain = run(spec, tmp_path / "plain", trunk, targets=targets, initial=deepest)
    for folder in (robust, plain):
        for scores in card(folder)["two_afc"].values():
            assert list(scores) == ["clean", "attacked", "attacked_directly", "triplets"]
        assert mean(folder, "clean") > 0.9
        assert mean(folder, "attacked") < mean(folder, "clean") - 0.1
    assert mean(robust, "attacked_directly") > mean(plain, "attacked_directly") + 0.05


def test_the_radius_grows_in_the_warm_up(
    trunk: Path, targets: Path, make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[float, float | None]] = []

    def noted(_: object, images: Tensor, __: Tensor, radius: float, ___: int, length: float | None) -> Tensor:
        sizes.append((radius, length))
        return images

    monkeypatch.setattr(train_distance, "perturb_triplets", noted)
    for name, attack in (("warm", {**ATTACK, "step": 0.1, "warm_up": 0.5}), ("cold", {**ATTACK, "step": 0.1})):
        run(make_spec(attack=attack, held_out=1), tmp_path / name, trunk, targets=targets)
    grown = [(0.3 * share, 0.1 * share) for share in (0.25, 0.5, 0.75)]
    for found, expected in zip(sizes, [*grown, *[(0.3, 0.1)] * 13], strict=True):
        assert found == pytest.approx(expected)


@pytest.mark.parametrize(("precision", "cut"), [("float32", 5), ("bfloat16", 1)])
def test_a_run_that_was_cut_off_resumes_and_ends_with_the_same_bytes(
    precision: str,
    cut: int,
    trunk: Path,
    targets: Path,
    make_spec: MakeSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = make_spec({"precision": precision, "learning_rate": 5e-2, "augment": True}, attack=ATTACK, held_out=2)
    whole, folder = run(spec, tmp_path / "whole", trunk, targets=targets), tmp_path / "cut"
    attacks: list[int] = []

    def cut_off(*arguments: Any) -> Tensor:
        attacks.append(1)
        if len(attacks) == cut + 1:
            raise KeyboardInterrupt
        return perturb_triplets(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train_distance, "perturb_triplets", cut_off)
        run(spec, folder, trunk, targets=targets, checkpoint_seconds=0)
    assert names(folder) == {"last.ckpt", "run.lock"}
    capsys.readouterr()
    run(spec, folder, trunk, targets=targets)
    assert f"{LABEL}  resumes at step {cut}/8" in capsys.readouterr().out
    assert names(folder) == OUTPUTS
    assert (folder / "history.csv").read_bytes() == (whole / "history.csv").read_bytes()
    (ours, _), (theirs, _) = (loss_networks.load(path / "network.safetensors") for path in (folder, whole))
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())
    left, right = ({name: value for name, value in card(path).items() if name not in TIMED} for path in (folder, whole))
    assert left == right
    assert left["precision"] == precision


def test_the_mask_of_dropout_depends_on_the_seed_and_the_step_alone(
    trunk: Path, targets: Path, make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks: list[Tensor] = []

    def noted(module: torch.nn.Module, given: tuple[Tensor], _: Tensor) -> Tensor | None:
        if not module.training:
            return None
        found = torch.nn.functional.dropout(given[0], 0.5)
        masks.append(found != 0)
        return found

    built = loss_networks.build

    def build(name: str, **architecture: Any) -> Any:
        network: Any = built(name, **architecture)
        if name == "robust_lpips":
            network.dropout = torch.nn.Dropout(0.0)
            network.dropout.register_forward_hook(noted)
        return network

    monkeypatch.setattr(loss_networks, "build", build)
    run(make_spec({"steps": 2}), tmp_path / "run", trunk, targets=targets)
    # two distances of five layers a step
    first, second = masks[:10], masks[10:]
    assert len(second) == 10
    assert not torch.equal(first[0], first[5]) and not torch.equal(first[0], second[0])
    masks.clear()
    # with an attack, whose passes drop nothing
    run(make_spec({"steps": 2}, attack={"radius": 1e-6, "steps": 1}), tmp_path / "again", trunk, targets=targets)
    kept = [(mine == other).float().mean() for mine, other in zip(first, masks, strict=False)]
    assert len(masks) == 20 and min(kept) > 0.95


def as_released(network: Any, path: Path, **changes: Any) -> Path:
    """Store a R-LPIPS under the names of the loss network `lpips`."""
    places, state = iter((0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)), {}
    for name in network.trunk.names:
        if name.startswith("conv"):
            place = next(places)
            for kind in ("weight", "bias"):
                state[f"features.{place}.{kind}"] = network.trunk.state_dict()[f"{name}.{kind}"]
    state |= {f"heads.{i}.weight": head.weight for i, head in enumerate(network.heads)}
    description = {"name": "lpips", "architecture": {"net": "vgg"}, "card": {}, **changes}
    state = {name: tensor.detach().contiguous() for name, tensor in state.items()}
    save_file(state, path, metadata={"loss_network": json.dumps(description)})
    return path


def test_the_released_heads_are_scored_on_the_same_triplets(
    trunk: Path, targets: Path, make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network: Any = loss_networks.build("robust_lpips").eval()
    file = tmp_path / "released.safetensors"
    images = torch.rand(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    reference, first, second = images.split(1)
    with torch.no_grad():
        found = torch.cat(train_distance._released(as_released(network, file)).eval().distances(images))
        expected = torch.cat([network.distances(reference, variant) for variant in (first, second)])
        assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-4) and float(found.min()) > 1e-3
        # heads that see no difference: every triplet is a tie
        for head in network.heads:
            head.weight.zero_()
    as_released(network, file)
    spec = make_spec(held_out=8)
    plain, compared = (
        card(run(spec, tmp_path / name, trunk, targets=targets, **files))["two_afc"]
        for name, files in (("plain", {}), ("compared", {"released": file}))
    )
    for name, scores in compared.items():
        assert list(scores) == ["clean", "released", "difference", "triplets"]
        assert scores["clean"] == plain[name]["clean"]
        assert scores["released"] == 0.5
        assert scores["difference"] == pytest.approx(scores["clean"] - 0.5)


@pytest.mark.slow
def test_a_stored_lpips_has_the_distances_that_its_own_module_gives(tmp_path: Path) -> None:
    torch.manual_seed(0)
    lpips: Any = loss_networks.build("lpips", net="vgg").eval()
    loss_networks.save(lpips, tmp_path / "lpips.safetensors", {})
    released = train_distance._released(tmp_path / "lpips.safetensors").eval()
    images = torch.rand(3, 3, 40, 33, generator=torch.Generator().manual_seed(1))
    reference, first, second = images.split(1)
    with torch.no_grad():
        found = [float(distance) for distance in released.distances(images)]
        expected = [float(lpips.distance(variant, reference)) for variant in (first, second)]
    assert found == pytest.approx(expected, rel=1e-4)
    loss_networks.save(loss_networks.build("lpips", net="alex"), tmp_path / "alex.safetensors", {})
    with pytest.raises(
        UserError, match=r"alex\.safetensors holds the loss network 'lpips' \(net alex\); give an 'lpips'"
    ):
        train_distance._released(tmp_path / "alex.safetensors")


def test_people_s_judgements_are_read_from_their_folder(
    trunk: Path, make_spec: MakeSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_tree(tmp_path / "bapps")
    spec = make_spec({"steps": 2}, dataset="bapps", root=str(root), held_out=2)
    found = card(run(spec, tmp_path / "run", trunk, threads=2))
    assert found["judgements"] == "human"
    assert list(found["two_afc"]) == ["traditional", "cnn", "superres", "deblur", "color", "frameinterp"]
    assert {scores["triplets"] for scores in found["two_afc"].values()} == {2}
    for path in (root / "2afc/train").rglob("judge/*.npy"):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"^split train: .*train/\w+/judge/00000\d\.npy is no whole array"):
        run(spec, tmp_path / "damaged", trunk)
    assert names(tmp_path / "damaged") == {"run.lock"}
    capsys.readouterr()


def refused(message: str, spec: DistanceSpec, output: Path, trunk: Path, **changes: Any) -> None:
    with pytest.raises(UserError, match=message) as refusal:
        run(spec, output, trunk, **changes)
    assert "\n" not in str(refusal.value)
    assert names(output) == {"run.lock"}


def test_files_that_do_not_fit_the_spec_are_refused_before_training(
    trunk: Path, targets: Path, deepest: Path, make_spec: MakeSpec, tmp_path: Path
) -> None:
    output, given = tmp_path / "run", {"targets": targets}
    caffe = stored(tmp_path / "caffe.safetensors", "vgg16", layout="caffe")
    refused(r"caffe\.safetensors: a trunk of layout 'caffe', .*says 'torchvision'", make_spec(), output, caffe, **given)
    refused("holds the loss network 'robust_lpips'; give a 'vgg16'", make_spec(), output, deepest, **given)
    refused(r"none\.safetensors is missing", make_spec(), output, tmp_path / "none.safetensors", **given)
    wide = make_spec(architecture={"widths": [4, 6, 8, 8, 9]})
    refused(rf"{trunk} does not fit the network \(wrong conv5_1.bias", wide, output, trunk, **given)
    unknown = make_spec(architecture={"depth": 3})
    refused("loss network 'robust_lpips' takes no argument 'depth'", unknown, output, trunk, **given)
    started = make_spec(initial=True)
    refused(f"{LABEL}: `initial` goes with a spec that says so", started, output, trunk, **given)
    refused(f"{LABEL}: `initial` goes with a spec that says so", make_spec(), output, trunk, initial=deepest, **given)
    refused("holds the loss network 'vgg16'; give a 'robust_lpips'", started, output, trunk, initial=trunk, **given)
    refused(r"holds the loss network 'vgg16' \(net None\); give", make_spec(), output, trunk, released=trunk, **given)
    bytes_of = trunk.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(bytes_of[: len(bytes_of) // 2])
    refused(r"cut\.safetensors is not a whole safetensors", make_spec(), output, tmp_path / "cut.safetensors", **given)


def test_a_released_file_with_a_layer_more_or_less_is_refused(tmp_path: Path) -> None:
    network: Any = loss_networks.build("robust_lpips", widths=[8] * 5)
    narrow = as_released(network, tmp_path / "narrow.safetensors")
    with pytest.raises(UserError, match=r"narrow\.safetensors does not fit the network \(wrong heads\.0\.weight"):
        train_distance._released(narrow)
    network.heads.append(torch.nn.Conv2d(8, 1, 1, bias=False))
    with pytest.raises(UserError, match=r"more\.safetensors does not fit the network \(unexpected heads\.5\.weight"):
        train_distance._released(as_released(network, tmp_path / "more.safetensors"))


def test_where_the_triplets_come_from_must_be_clear(
    trunk: Path, targets: Path, make_spec: MakeSpec, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    refused(f"{LABEL}: the spec has no root; give prepared pictures as `targets`", make_spec(), output, trunk)
    rooted = make_spec(dataset="folder", root=str(tmp_path))
    refused("leave out `targets` or the spec's root", rooted, output, trunk, targets=targets)
    refused("dataset: 'folder' holds no judgements", rooted, output, trunk)
    absent = make_spec(dataset="bapps", root=str(tmp_path / "none"))
    refused("train/traditional/ref: folder of split 'train' of data set 'bapps' is missing", absent, output, trunk)
    refused("prepared data are incomplete", make_spec(), output, trunk, targets=tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"side": 32}, "the recipe's patch of 16 is not the side of 32"),
        ({"side": 15}, "side"),
        ({"recipe": {**SMALL, "steps": 1, "learning_rate": 1e-3, "ema": 0.9}}, "the recipe's ema must be null"),
        ({"attack": {"radius": 0}}, "attack.radius"),
        ({"attack": {"radius": 1, "steps": 0}}, "attack.steps"),
        ({"attack": {"radius": 1, "norm": 2}}, "unknown key 'attack.norm'"),
        ({"held_out": 0}, "held_out"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str, make_spec: MakeSpec) -> None:
    values = make_spec().model_dump(mode="json")
    with pytest.raises(UserError, match=message):
        DistanceSpec.parse({**values, **changes}, "test")


def test_a_spec_comes_back_equal_from_its_line_of_json_with_the_papers_attack(make_spec: MakeSpec) -> None:
    spec = make_spec(attack={"radius": 1.33})
    assert DistanceSpec.from_json(spec.canonical()) == spec
    assert spec.attack is not None and (spec.attack.steps, spec.attack.step) == (10, None)


@pytest.mark.slow
def test_the_command_line_trains_and_names_a_wrong_file_in_one_line(
    trunk: Path, targets: Path, make_spec: MakeSpec, tmp_path: Path
) -> None:
    # the narrow trunk is known in this process alone
    arguments = [sys.executable, "-m", "pipeline.train_distance", make_spec().canonical(), "--code", "code"]
    arguments += ["--output", str(tmp_path / "run"), "--label", LABEL, "--trunk", str(trunk), "--targets", str(targets)]
    ended = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.strip().startswith(f"error: {trunk} does not fit the network")
    assert len(ended.stderr.strip().splitlines()) == 1
