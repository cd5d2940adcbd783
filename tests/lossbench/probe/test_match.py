"""The weight at which a loss's own term is as strong as asked, and several losses and pictures in one command."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from _losses import NETWORKS
from conftest import picture
from PIL import Image

import lossbench
from lossbench import loss_networks
from lossbench.__main__ import VERBS
from lossbench.__main__ import run as run_verbs
from lossbench.errors import UserError
from lossbench.probe.command import divided, settings_of, weights_of
from lossbench.probe.loss import DEGRADATIONS, Probed, crops, degrade
from lossbench.probe.match import as_text, matched


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with two pictures and two loss networks."""
    made = tmp_path_factory.mktemp("match")
    for seed, name in enumerate(("waves.png", "others.png"), 4):
        Image.fromarray(picture(100, 200, seed=seed)).save(made / name)
    for kind in ("cnn_mae", "mae"):
        torch.manual_seed(0)
        loss_networks.save(loss_networks.build(kind, **NETWORKS[kind]), made / f"{kind}.safetensors", {})
    return made


@pytest.fixture(autouse=True)
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Return what `lossbench probe` prints."""
    monkeypatch.setattr("sys.argv", ["lossbench", "probe", *map(str, arguments)])
    run_verbs("lossbench", None, VERBS)
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def one_line_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    monkeypatch.setattr("sys.argv", ["lossbench", "probe", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        run_verbs("lossbench", None, VERBS)
    assert stopped.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    return str(line)


def strength(weight: float, loss: Any, clean: torch.Tensor, version: torch.Tensor) -> float:
    """Return the norm of the weighted gradient of the loss's own term over that of the pixel term's."""
    prediction = version.clone().requires_grad_()
    terms = loss.terms(prediction, clean)
    pixel, own = (torch.autograd.grad(term, prediction, retain_graph=True)[0] for term in terms.values())
    return float((weight * own).norm() / pixel.norm())


@pytest.mark.parametrize("pixel", ["l1", "l2"])
@pytest.mark.parametrize("wanted", [0.3, 2.0])
def test_at_the_weight_of_a_degradation_the_term_is_as_strong_as_asked(pixel: str, wanted: float) -> None:
    clean = crops(picture(200, 300, seed=4), "waves")
    loss = lossbench.create_loss("ccmae", pixel=pixel, weights="cnn_mae.safetensors")
    found = matched([Probed("ccmae", {}, loss)], {Path("waves"): clean}, 30.0, wanted)
    [entry] = found["losses"]
    for name, version in degrade(clean, 30.0).items():
        weight = entry["degradations"][name]["weight"]
        assert strength(weight, loss, clean, version) == pytest.approx(wanted, rel=1e-4)
    mean = sum(strength(entry["weight"], loss, clean, version) for version in degrade(clean, 30.0).values()) / 6
    assert mean == pytest.approx(wanted, rel=1e-4)


def test_a_loss_of_l2_beside_l2_is_matched_by_the_number_itself() -> None:
    clean = crops(picture(200, 300, seed=4), "waves")
    loss = lossbench.create_loss("scaled_l2", scale=4.0) + lossbench.create_loss("ssim")
    ours = matched([Probed("both", {}, loss)], {Path("waves"): clean}, 30.0, 0.5)["losses"]
    plain = lossbench.create_loss("ssim", pixel="l2")
    theirs = matched([Probed("ssim", {}, plain)], {Path("waves"): clean}, 30.0, 0.5)["losses"]
    # a pixel term that weighs four times as much is matched by four times the weight
    assert ours[0]["weight"] == pytest.approx(4 * theirs[0]["weight"], rel=1e-5)


def test_without_a_pixel_term_l1_stands_for_it_and_a_zero_gradient_has_no_weight() -> None:
    clean = crops(picture(200, 300, seed=4), "waves")
    pictures = {Path("waves"): clean}
    alone, with_l1 = (lossbench.create_loss("gradient", pixel=pixel) for pixel in (None, "l1"))
    [ours], [theirs] = (
        matched([Probed("gradient", {}, loss)], pictures, 30.0, 0.3)["losses"] for loss in (alone, with_l1)
    )
    assert (ours["pixel_term"], theirs["pixel_term"]) == ("l1", "its own")
    assert ours["weight"] == pytest.approx(theirs["weight"], rel=1e-5)
    small = lossbench.create_loss("gradient", weight=0.25)
    [entry] = matched([Probed("gradient", {}, small)], pictures, 30.0, 0.3)["losses"]
    assert entry["weight"] == pytest.approx(ours["weight"], rel=1e-6)


def test_several_losses_and_pictures_are_one_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    weights = ("--weights", "cnn_mae.safetensors", "--weights", "mae.safetensors")
    arguments = ("ccmae", "ctmae", "ssim", "waves.png", "others.png", "--match", "0.3", *weights, "--output", tmp_path)
    found = json.loads(printed(monkeypatch, capsys, *arguments, "--json"))
    assert [entry["loss"] for entry in found["losses"]] == ["ccmae", "ctmae", "ssim"]
    assert (found["match"], found["psnr"], found["pictures"]) == (0.3, 30.0, {"waves.png": 2, "others.png": 2})
    assert json.loads((tmp_path / "match.json").read_text(encoding="utf-8")) == found
    text = printed(monkeypatch, capsys, *arguments)
    assert text == as_text(found) + "\n" == (tmp_path / "match.txt").read_text(encoding="utf-8")
    head, *rows = [line.split() for line in text.splitlines()[2:-1]]
    assert head == ["loss", "term", "weight", *DEGRADATIONS]
    assert [row[:2] for row in rows] == [["ccmae", "ccmae"], ["ctmae", "ctmae"], ["ssim", "ssim"]]
    for row, entry in zip(rows, found["losses"], strict=True):
        assert float(row[2]) == pytest.approx(entry["weight"], rel=5e-3)
    # each picture counts alike
    single = [
        json.loads(printed(monkeypatch, capsys, "ssim", name, "--match", "0.3", "--json"))["losses"][0]["ratio"]
        for name in ("waves.png", "others.png")
    ]
    assert found["losses"][2]["ratio"] == pytest.approx(sum(single) / 2, rel=1e-6)


def test_several_reports_follow_one_another_and_lie_in_folders_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = printed(monkeypatch, capsys, "l1", "ssim", "waves.png", "--output", tmp_path)
    assert [part.split()[0] for part in text.split("\n\n")] == ["l1", "ssim"]
    assert sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.json")) == [
        "l1/waves.png/probe.json",
        "ssim/waves.png/probe.json",
    ]
    found = json.loads(printed(monkeypatch, capsys, "l1", "ssim", "waves.png", "--json"))
    assert [report["loss"] for report in found] == ["l1", "ssim"]


def test_a_setting_is_for_all_losses_or_for_the_one_that_it_names() -> None:
    given = ["weight=0.1", "vgg.layer=conv2_2", "timm:a.b@c.weight=2", "a.b=3"]
    both = ["vgg", "timm:a.b@c"]
    assert settings_of("vgg", both, given) == ["weight=0.1", "layer=conv2_2", "a.b=3"]
    assert settings_of("timm:a.b@c", both, given) == ["weight=0.1", "weight=2", "a.b=3"]


def test_a_file_of_weights_is_for_the_losses_that_take_its_kind() -> None:
    cnn, mae = Path("cnn_mae.safetensors"), Path("mae.safetensors")
    assert weights_of(["ccmae", "ctmae", "p_ctmae"], [str(cnn), str(mae)]) == {
        "ccmae": cnn,
        "ctmae": mae,
        "p_ctmae": mae,
    }
    assert weights_of(["ctmae", "kmae"], [f"ctmae={mae}"]) == {"ctmae": mae}
    # whether a single loss takes it is said when the loss is made
    assert weights_of(["vgg"], [str(cnn)]) == {"vgg": cnn}
    with pytest.raises(UserError, match="holds the loss network 'mae', which none of ccmae, vgg takes"):
        weights_of(["ccmae", "vgg"], [str(mae)])
    with pytest.raises(UserError, match=r"are both for 'ctmae'; say which: --weights ctmae=mae\.safetensors"):
        weights_of(["ctmae", "vgg"], [f"ctmae={cnn}", str(mae)])
    with pytest.raises(UserError, match="--weights: nowhere is missing"):
        weights_of(["ctmae", "vgg"], ["nowhere"])


def test_words_are_told_apart_by_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("picture").touch()
    Path("vgg").touch()
    words = ["vgg", "timm:resnet50.a1_in1k@layer2", "orignal", "picture", "a/b", "none.PNG"]
    assert divided(words) == (words[:3], [Path(word) for word in words[3:]])
    for given, message in (
        (["vgg", "ssim"], "vgg ssim: there is no picture among these; give a file behind the losses"),
        (["a.png", "b.png"], "a.png b.png: there is no loss among these; name one, such as ccmae"),
        (["vgg", "vgg", "a.png"], "loss vgg is given twice; leave one out"),
        (["vgg", "a.png", "a.png"], "picture a.png is given twice; leave one out"),
    ):
        with pytest.raises(UserError, match=message):
            divided(given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ssim", "waves.png", "--match", "0"), "--match 0.0: not a number above 0"),
        (("ssim", "waves.png", "--match", "nan"), "--match nan: not a number above 0"),
        (
            ("l1", "ssim", "waves.png", "--match", "1"),
            "loss 'l1' has the pixel term alone, with which --match compares",
        ),
        (("ssim", "sim", "waves.png", "--match", "1"), "unknown loss 'sim' (no lossbench/losses/sim.py); did you mean"),
        (("timm:x@y", "waves.png"), "model: timm has no 'x'; timm.list_models() names all"),
        (("l1", "waves.png", "x/waves.png", "--output", "x"), "pictures of one name would be written to one folder"),
    ],
)
def test_what_cannot_be_matched_gives_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[object, ...], message: str
) -> None:
    assert message in one_line_error(monkeypatch, capsys, *arguments)


def test_the_help_has_a_command_that_works(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["lossbench", "probe", "--help"])
    with pytest.raises(SystemExit):
        run_verbs("lossbench", None, VERBS)
    said = " ".join(capsys.readouterr().out.split())
    assert "LOSS [LOSS ...] PICTURE [PICTURE ...]" in said
    assert "example: lossbench probe ccmae ctmae vgg picture.png --match 0.3" in said
