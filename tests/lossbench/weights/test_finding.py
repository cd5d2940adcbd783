"""Which loss network a loss is built on where none is given, and what is said of it."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from _weights import here, stored, trained

import lossbench
from lossbench import loss_networks, losses, metrics
from lossbench.__main__ import main
from lossbench.errors import UserError
from lossbench.loss_networks import described, vgg16
from lossbench.losses._features import Hidden
from lossbench.measure import requested
from lossbench.weights import places
from pipeline.outputs.layout import FILES


def weights_of(loss: object) -> torch.Tensor:
    assert isinstance(loss, Hidden)
    return loss.network.state_dict()["cls_token"]


def same(loss: object, path: Path) -> bool:
    return torch.equal(weights_of(loss), weights_of(losses.build("ctmae", weights=path)))


def test_the_places_are_looked_into_in_order(fetched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = {"source": "a small one", "licence": "MIT"}
    shipped = stored(tmp_path / "shipped/mae.safetensors", card=card, seed=1)
    assert same(lossbench.create_loss("ctmae"), shipped)
    expected = f"loss 'ctmae': weights {shipped} (mae, a small one; licence: MIT; shipped with lossbench)\n"
    assert capsys.readouterr().err == expected
    other = stored(fetched / "mine.safetensors", card=trained("photographs"), seed=2)
    assert same(lossbench.create_loss("ctmae"), other)
    made = stored(here("photographs"), card=trained("photographs"), seed=3)
    assert same(lossbench.create_loss("ctmae"), made)
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == f"loss 'ctmae': weights {made} (mae, trained on photographs; made by the pipeline in results/)"
    assert same(lossbench.create_loss("ctmae", weights=shipped), shipped)


def test_the_list_of_losses_names_the_file_that_is_taken(
    fetched: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["lossbench", "losses", "--json"])

    def taken() -> dict[str, str | None]:
        main()
        return {row["name"]: row["auto"] for row in json.loads(capsys.readouterr().out)}

    assert {taken()[name] for name in ("l1", "log_cosh")} == {None}
    assert taken()["ctmae"] == "no file yet"
    path = stored(fetched / "mine.safetensors", card=trained("photographs"))
    assert str(taken()["ctmae"]).startswith(f"{path} (mae, trained on photographs; fetched to")
    stored(fetched / "other.safetensors", card=trained("faces"))
    assert taken()["ctmae"] == "several fit, give one"


def test_the_file_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    stored(here("photographs"), card=trained("photographs"))
    for _ in range(3):
        lossbench.create_loss("ctmae")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_file_that_is_given_is_taken_and_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stored(tmp_path / "own.safetensors")
    assert same(lossbench.create_loss("ctmae", weights=str(path)), path)
    assert same(lossbench.create_loss("kmae", weights=path), path)
    assert capsys.readouterr().err == ""
    with pytest.raises(UserError, match="loss 'ctmae' needs weights=PATH"):
        lossbench.create_loss("ctmae", weights=None)


def test_a_loss_is_built_on_what_it_is_by_definition(fetched: Path) -> None:
    task = stored(here("photographs"), card=trained("photographs"), seed=1)
    general = stored(here("generic_photographs", "mae_public"), card=trained("generic_photographs"), seed=2)
    assert same(lossbench.create_loss("ctmae"), task)
    assert same(lossbench.create_loss("kmae"), general)
    released = stored(fetched / "mae_base.safetensors", card={"weights_digest": "md5:8cad7c"}, seed=3)
    assert same(lossbench.create_loss("kmae"), general)
    general.unlink()
    assert same(lossbench.create_loss("kmae"), released)
    task.unlink()
    with pytest.raises(UserError, match=r"loss 'ctmae' .*passed over: .*mae_base.* not trained on a task's own"):
        lossbench.create_loss("ctmae")


def test_of_one_place_a_released_one_and_the_first_kind_go_first() -> None:
    stored(here("generic_photographs"), card=trained("generic_photographs"), seed=1)
    imported = stored(here("public", "mae_public"), card={**trained("public"), "weights_digest": "md5:8cad7c"}, seed=2)
    assert same(lossbench.create_loss("kmae"), imported)
    stored(here("photographs", "unet"), "unet_mae", trained("photographs"))
    stored(here("photographs", "cnn"), "cnn_mae", trained("photographs"))
    loss = lossbench.create_loss("ccmae")
    assert isinstance(loss, Hidden) and described(loss.network).name == "cnn_mae"


def test_several_that_fit_equally_well_are_named_and_none_is_taken() -> None:
    paths = [stored(here("photographs", scale=scale), card=trained("photographs", scale=scale)) for scale in "ab"]
    message = rf"^loss 'ctmae': 2 loss networks made by .* fit equally well: {paths[0]} \(mae, .*, {paths[1]} \(mae"
    with pytest.raises(UserError, match=message):
        lossbench.create_loss("ctmae")


def test_of_those_that_differ_by_their_seeds_the_first_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (2, 0, 1):
        stored(here("photographs", f"mae_task_seed{seed}"), card=trained("photographs", seed=seed), seed=seed + 5)
    assert same(lossbench.create_loss("ctmae"), here("photographs", "mae_task_seed0"))
    assert "mae_task_seed0" in capsys.readouterr().err


def test_one_for_other_bands_is_passed_over() -> None:
    stored(here("sentinel2"), card=trained("sentinel2"), bands=4)
    with pytest.raises(UserError, match=rf"passed over: {here('sentinel2')} \(of 4 bands\); train one in a clone"):
        lossbench.create_loss("ctmae")


def test_a_damaged_file_is_named_and_other_files_are_not_looked_at(
    fetched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = stored(fetched / "b.safetensors", card=trained("photographs"))
    (fetched / "a.safetensors").write_bytes(whole.read_bytes()[:-9])
    (fetched / "notes.txt").write_text("none")
    assert same(lossbench.create_loss("ctmae"), whole)
    first, second = capsys.readouterr().err.splitlines()
    assert re.match(rf"warning: passed over: {fetched}/a.safetensors is not a whole safetensors file", first)
    assert "b.safetensors" in second


def test_nothing_found_says_what_to_fetch(fetched: Path) -> None:
    with pytest.raises(UserError) as caught:
        lossbench.create_loss("kmae")
    assert str(caught.value) == (
        "loss 'kmae' finds no loss network mae: none made by the pipeline in results/, none fetched to "
        f"{fetched}, none shipped with lossbench; run: lossbench fetch weights kmae (0.34 GB, CC BY-NC 4.0 "
        "(non-commercial)), or give weights=FILE (on a command line --weights FILE)"
    )
    with pytest.raises(UserError, match=r"loss 'ctmae' finds no loss network mae: .*; train one in a clone by snake"):
        lossbench.create_loss("ctmae")


def test_a_slip_is_said_before_anything_is_looked_for() -> None:
    with pytest.raises(UserError, match="takes no argument 'wieght'; did you mean 'weight'"):
        lossbench.create_loss("kmae", wieght=1.0)
    with pytest.raises(UserError, match="unknown loss 'kmea'"):
        lossbench.create_loss("kmea")


def test_a_loss_without_a_loss_network_needs_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert float(lossbench.create_loss("original", pixel="l1")(torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8))) == 1
    assert capsys.readouterr().err == ""


def test_a_vgg_without_the_layer_is_passed_over(fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg16, "WIDTHS", [[2] * len(each) for each in vgg16.WIDTHS])
    card = {"weights_digest": "sha256:397923af"}
    loss_networks.save(loss_networks.build("vgg16"), fetched / "vgg16.safetensors", card)
    with pytest.raises(UserError, match=r"vgg16.safetensors \(vgg16 does not have what is asked for\); run: loss"):
        lossbench.create_loss("vgg")
    lossbench.create_loss("vgg", layer="conv5_3")


def test_the_folder_of_what_is_fetched_is_that_of_the_variable_or_of_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOSSBENCH_WEIGHTS", "~/own")
    assert places.fetched() == tmp_path / "own"
    monkeypatch.delenv("LOSSBENCH_WEIGHTS")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert places.fetched() == tmp_path / ".cache/lossbench/weights"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert places.fetched() == tmp_path / "cache/lossbench/weights"
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert places.fetched() == tmp_path / "Library/Caches/lossbench/weights"


def test_the_results_are_looked_through_where_stages_write_loss_networks() -> None:
    stages = ("import_weights", "pretrain", "train_classifier", "train_distance")
    written = {stage: Path("demo", FILES[stage]["network"]) for stage in stages}
    assert all(path.match(places.MADE_HERE) and len(path.parts) == 5 for path in written.values())
    assert [stage for stage in FILES if "network" in FILES[stage]] == list(stages)


def test_what_stages_build_losses_by_looks_for_nothing() -> None:
    stored(here("photographs"), card=trained("photographs"))
    with pytest.raises(UserError, match="auto is missing"):
        losses.build("ctmae", weights="auto")
    with pytest.raises(UserError, match="loss 'ctmae' needs weights=PATH"):
        losses.build("ctmae")


def test_a_metric_takes_the_public_file_that_was_fetched_and_none_that_was_trained_here(
    fetched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def judge(path: Path, card: dict[str, str]) -> Path:
        loss_networks.save(loss_networks.build("lpips", net="alex"), path, card)
        return path

    judge(here("photographs", "robust_lpips"), trained("photographs"))
    assert metrics.fetched("psnr") is None and metrics.fetched("lpips") is None
    with pytest.raises(UserError, match=r"lpips needs weights=PATH .*run: lossbench fetch weights lpips"):
        lossbench.create_metric("lpips")
    path = judge(fetched / "lpips.safetensors", {"weights_digest": "sha256:0", "source": "a small one"})
    assert lossbench.create_metric("lpips").weights == path
    assert capsys.readouterr().err == f"metric 'lpips': weights {path} (lpips, a small one)\n"
    # on a command line too, where a file that is given goes before it
    assert requested("psnr,lpips", None, 0, True, [])["lpips"].weights == path
    other = judge(fetched / "other.safetensors", {})
    assert requested("lpips", None, 0, True, [f"lpips={other}"])["lpips"].weights == other
    (fetched / "lpips.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match=r"lpips\.safetensors is "):
        lossbench.create_metric("lpips")
