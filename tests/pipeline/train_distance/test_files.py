"""Stage train_distance: the released heads, people's judgements, and which files it refuses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from _bapps import write_tree
from _distance import LABEL, SIDE, MakeSpec, run, stored
from _repository import ROOT
from _runs import card, names
from safetensors.torch import save_file

from lossbench import loss_networks
from lossbench.errors import UserError
from pipeline import train_distance
from pipeline.specs.distance import DistanceSpec


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
    refused("prepared data are incomplete", make_spec(), output, trunk, targets=tmp_path / "target.json")


@pytest.mark.slow
def test_the_command_line_trains_and_names_a_wrong_file_in_one_line(
    trunk: Path, targets: Path, make_spec: MakeSpec, tmp_path: Path
) -> None:
    # the narrow trunk is known in this process alone
    arguments = [sys.executable, "-m", "pipeline.train_distance", "--code", "code"]
    arguments += ["--output", str(tmp_path / "run"), "--label", LABEL, "--trunk", str(trunk), "--targets", str(targets)]
    spec = make_spec().canonical()
    ended = subprocess.run(arguments, input=spec, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.strip().startswith(f"error: {trunk} does not fit the network")
    assert len(ended.stderr.strip().splitlines()) == 1
