"""docs/integrations.md as a reader uses it: its code runs as printed, in the frameworks' own code."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from _frameworks import PAGE, block, installed, options_of, ran
from PIL import Image
from torch import Tensor

import lossbench
from lossbench import networks
from lossbench.integrations.registered import RegisteredLoss

WEIGHTS = Path("results/demo/pretrain/cnn_mae_task/photographs/network.safetensors")
# BasicSR's own reading of options, its own scan of its folders, its own model
TRAIN = """
import json, sys
from basicsr.models import build_model
from basicsr.utils.options import yaml_load
import torch
options = yaml_load("options.yml")
torch.manual_seed(0)
model = build_model(options)
random = torch.Generator().manual_seed(0)
low_quality, target = (torch.rand((1, 3, side, side), generator=random) for side in (16, 32))
model.feed_data({"lq": low_quality, "gt": target})
found = []
for current_iter in (1, 2):
    model.optimize_parameters(current_iter)
    losses = [model.cri_pix, model.cri_perceptual]
    found.append({**model.get_current_log(), "steps": [loss.step for loss in losses if hasattr(loss, "step")]})
print(json.dumps(found))
"""
BASICSR: dict[str, Any] = {
    "model_type": "SRModel",
    **{"num_gpu": 0, "dist": False, "is_train": True, "path": {}},
    "network_g": {"type": "EDSR", "num_in_ch": 3, "num_out_ch": 3, "num_feat": 4, "num_block": 1, "upscale": 2},
    "train": {"optim_g": {"type": "Adam", "lr": 1e-3}, "scheduler": {"type": "MultiStepLR", "milestones": [9]}},
}


def executed(mark: str) -> dict[str, Any]:
    """Run a Python block as printed; return what it defines."""
    names: dict[str, Any] = {"__name__": mark}
    exec(compile(block(mark), f"{PAGE.name}: {mark}", "exec"), names)
    return names


@pytest.fixture
def folder(tmp_path: Path, loss_network: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder where a small loss network and pictures lie at the paths that the page names."""
    from conftest import picture

    (tmp_path / WEIGHTS).parent.mkdir(parents=True)
    (tmp_path / WEIGHTS).symlink_to(loss_network)
    (tmp_path / "pictures").mkdir()
    for seed in (1, 2):
        Image.fromarray(picture(32, 32, seed)).save(tmp_path / "pictures" / f"{seed}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(folder: Path, mark: str, step: bool = False) -> list[dict[str, Any]]:
    """Return what BasicSR logs of two steps under the options of the page, with the files of the page in its tree."""
    package = installed("basicsr", folder)
    (package / "losses/lossbench_loss.py").write_text(block("basicsr"), encoding="utf-8")
    if step:
        (package / "models/lossbench_model.py").write_text(block("basicsr_step"), encoding="utf-8")
    losses = yaml.safe_load(block(mark))["train"]
    if step:
        losses = {name: {**entry, "every": 2} if "also" in entry else entry for name, entry in losses.items()}
    options = {**BASICSR, "train": {**BASICSR["train"], **losses}}
    (folder / "options.yml").write_text(yaml.safe_dump(options), encoding="utf-8")
    found: list[dict[str, Any]] = ran(folder, TRAIN)
    return found


@pytest.mark.slow
def test_basicsr_finds_the_file_and_trains_under_the_options(folder: Path) -> None:
    first, _ = trained(folder, "options")
    assert first["l_pix"] > 0 and first["steps"] == [None]


@pytest.mark.slow
def test_basicsr_trains_under_a_perceptual_loss_and_tells_it_the_step(folder: Path) -> None:
    first, second = trained(folder, "perceptual", step=True)
    assert (first["steps"], second["steps"]) == ([0], [1])
    # the further loss has no `every`
    assert first["l_pix"] > 0 and first["l_percep"] > second["l_percep"] > 0


@pytest.mark.parametrize("mark", ["options", "perceptual", "trainner_options"])
def test_the_options_of_the_page_make_losses(folder: Path, mark: str) -> None:
    class Loss(RegisteredLoss):
        TELLS_STEP = "mine"

    made = [
        Loss(**{name: value for name, value in entry.items() if name != "type"}) for entry in options_of(block(mark))
    ]
    assert made and all("ccmae" in loss.loss.weights for loss in made)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_lightning_module_trains_in_its_trainer(folder: Path) -> None:
    import lightning

    task = executed("lightning")["Restoration"](
        networks.build("edsr", scale=2, channels=4, blocks=1), "ccmae", weights=WEIGHTS
    )
    random = torch.Generator().manual_seed(0)
    pairs = [(torch.rand((3, 16, 16), generator=random), torch.rand((3, 32, 32), generator=random)) for _ in range(4)]
    before = {name: weight.clone() for name, weight in task.network.state_dict().items()}
    quiet: dict[str, Any] = dict.fromkeys(("logger", "enable_progress_bar", "enable_checkpointing"), False)
    trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", enable_model_summary=False, **quiet)
    trainer.fit(task, torch.utils.data.DataLoader(pairs, batch_size=2))  # type: ignore[arg-type]
    assert {"loss/pixel", "loss/ccmae", "loss/total"} <= trainer.callback_metrics.keys()
    assert not all(torch.equal(weight, before[name]) for name, weight in task.network.state_dict().items())
    assert all(name.startswith("network.") for name in task.state_dict())


def test_the_loop_of_accelerate_trains_as_printed(folder: Path) -> None:
    torch.manual_seed(0)
    before = networks.build("edsr", scale=2)
    torch.manual_seed(0)
    ran = executed("accelerate")
    assert ran["step"] == 10
    after = networks.build("edsr", scale=2)
    from safetensors.torch import load_file

    after.load_state_dict(load_file(folder / "edsr/model.safetensors"))
    target: Tensor = ran["target"]
    loss = lossbench.create_loss("ccmae", weights=WEIGHTS)
    with torch.no_grad():
        assert loss(after(ran["low_quality"]), target) < 0.9 * loss(before(ran["low_quality"]), target)


def test_the_commands_of_tensorboard_are_those_of_the_clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import shlex

    from pipeline import __main__ as command_line

    words = shlex.split(block("tensorboard").splitlines()[0])
    assert words[:6] == ["uv", "run", "python", "-m", "pipeline", "tensorboard"]
    asked: list[Any] = []
    monkeypatch.setattr("pipeline.following.command.main", lambda *given: asked.append(given))
    monkeypatch.setattr("sys.argv", words[4:])
    command_line.main()
    assert asked == [(Path("results/demo"), Path("runs"), False, False)]
