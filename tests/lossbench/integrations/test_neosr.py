"""The losses in neosr's own code: the package neosr, which asks for a younger Python than the oldest that is served.

Its wheel is therefore no dependency: these tests fetch it, checked by its SHA-256, and are skipped where the package
index can't be reached. neosr reads its option file while it is imported, hence the processes.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from _frameworks import block, ran

import lossbench

REQUIREMENT = "neosr==0.1.0 --hash=sha256:9d90115ea62285bb7e386c0907e7b81038276846e075876a3510ece82ad5c924\n"
WEIGHTS = Path("results/demo/pretrain/cnn_mae_task/photographs/network.safetensors")
OPTIONS = """
name = "mine"
scale = 2
manual_seed = 1
[datasets.train]
[train]
"""
# it imports libraries for data that are read and wavelets that are made elsewhere; nothing of them runs here
BEGIN = """
import importlib.util, json, sys, tomllib, types
for name in ("lmdb", "pywt"):
    if importlib.util.find_spec(name) is None:
        sys.modules[name] = types.ModuleType(name)
import torch
from neosr.losses import build_loss
options = tomllib.load(open(sys.argv[2], "rb"))["train"]["perceptual_opt"]
first, second = torch.rand((2, 1, 3, 32, 32), generator=torch.Generator().manual_seed(1))
"""
BUILD = """
loss = build_loss(options).to("cpu", memory_format=torch.channels_last, non_blocking=True)
print(json.dumps([type(loss).__name__, loss(first, second).item()]))
"""
# its model is made for a GPU; what is run is its own training step, on the attributes that the step reads
TRAIN = """
import inspect, re
from neosr.models.image import image
def found(accum_iters):
    model = image.__new__(image)
    for name in re.findall(r"self\\.(cri_\\w+)", inspect.getsource(image)):
        setattr(model, name, None)
    model.cri_pix = build_loss({"type": "L1Loss"})
    model.cri_perceptual = build_loss({**options, "every": 2})
    for name in ("net_d", "sam"):
        setattr(model, name, None)
    for name in ("eco", "use_amp", "match_lq_colors", "wavelet_guided", "gradclip", "sf_optim_g"):
        setattr(model, name, False)
    model.opt, model.amp_dtype, model.sam_init, model.clamp, model.ema = {"dist": False}, torch.float16, -1, True, -1
    model.n_accumulated, model.accum_iters = 0, accum_iters
    model.net_g = torch.nn.Conv2d(3, 3, 1)
    model.optimizer_g = torch.optim.Adam(model.net_g.parameters())
    model.gradscaler_g = torch.amp.GradScaler("cuda", enabled=False)
    model.lq, model.gt = first, second
    steps = []
    for current_iter in range(1, 5):
        model.optimize_parameters(current_iter)
        steps.append([model.cri_perceptual.step, float(model.log_dict["l_g_percep"]) > 0])
    return steps
print(json.dumps([found(1), found(2)]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with neosr's package, as its authors released it."""
    # `uv run` says where it is itself
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv is not None
    folder = tmp_path_factory.mktemp("neosr")
    (folder / "requirements.txt").write_text(REQUIREMENT, encoding="utf-8")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--python-version", "3.12", "--require-hashes"]
    command += ["--target", folder / "installed", "-r", folder / "requirements.txt"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the package index can't be reached: {done.stderr.strip().splitlines()[-1]}")
    return folder / "installed"


@pytest.fixture
def clone(wheel: Path, tmp_path: Path, loss_network: Path) -> Path:
    """Return a folder where neosr lies with the files that the page says, a loss network and an option file."""
    shutil.copytree(wheel / "neosr", tmp_path / "neosr")
    (tmp_path / "neosr/losses/lossbench_loss.py").write_text(block("neosr"), encoding="utf-8")
    (tmp_path / WEIGHTS).parent.mkdir(parents=True)
    (tmp_path / WEIGHTS).symlink_to(loss_network)
    (tmp_path / "options.toml").write_text(OPTIONS + block("neosr_options"), encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_the_file_and_the_options_of_the_page_make_the_loss(clone: Path, loss_network: Path) -> None:
    name, value = ran(clone, BEGIN + BUILD, "-opt", "options.toml")
    first, second = torch.rand((2, 1, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    own = lossbench.create_loss("ccmae", pixel=None, weights=loss_network)
    assert name == "LossbenchPerceptualLoss" and value == pytest.approx(0.1 * own(first, second).item(), rel=1e-5)


@pytest.mark.slow
def test_its_training_step_tells_the_step(clone: Path) -> None:
    (clone / "neosr/models/lossbench_model.py").write_text(block("neosr_step"), encoding="utf-8")
    one, two = ran(clone, BEGIN + TRAIN, "-opt", "options.toml")
    assert one == [[0, True], [1, False], [2, True], [3, False]]
    assert two == [[0, True], [0, True], [1, False], [1, False]]
