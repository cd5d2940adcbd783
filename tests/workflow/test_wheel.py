"""The built wheel is the library alone: what it needs, and that it runs where nothing else is installed.

torch and what it brings are gigabytes, so they are not installed anew: a fresh environment borrows, link by link, the
distributions that the wheel's own metadata ask for, and no others. They are counted as they are installed here, at the
versions of uv.lock; one slow test asks the package index as well.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Callable
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

import pytest
from _loss_networks import TINY
from _page_folder import furnish
from _repository import ROOT
from _weights import encoder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = [entry.rsplit(" ", 1)[-1] for entry in PROJECT["classifiers"] if entry.startswith("Programming Language")]
MOST = 40
"""Distributions that the wheel may install, itself among them, without an extra."""
IMPORT_SECONDS = 0.1
# `uv run` says where it is itself
UV = os.environ.get("UV") or shutil.which("uv")
WEIGHTS = "results/demo/pretrain/cnn_mae_task/photographs/network.safetensors"
PYTHON_BLOCK = re.compile(r"<!-- \w+ -->\n```python\n(.*?)```", re.DOTALL)

IMPORTS = """
import importlib, json, pathlib, sys, lossbench
root = pathlib.Path(lossbench.__file__).parent
names = [".".join(("lossbench", *path.relative_to(root).with_suffix("").parts)) for path in root.rglob("*.py")]
# these register a loss with the framework that they are called after, and are for those who have it
others = {"lossbench.integrations." + name for name in ("basicsr", "neosr", "trainner")}
assert others < set(names)
for name in names:
    if not name.endswith("__main__") and name not in others:
        importlib.import_module(name.removesuffix(".__init__"))
print(json.dumps({"folder": str(root), "modules": len(names)}))
"""
# the loss network and the picture that the page speaks of, small
PREPARED = f"""
import pathlib
import numpy as np
from PIL import Image
from lossbench import loss_networks
small = {{"widths": [8, 12, 16, 24], "blocks": [1, 1, 1, 1], "decoder_width": 8, "decoder_blocks": 1}}
loss_networks.save(loss_networks.build("cnn_mae", **small), pathlib.Path({WEIGHTS!r}), {{}})
pathlib.Path("pictures").mkdir()
Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)).save("pictures/a.png")
"""

WALKED = {
    "docs/index.md": None,
    "docs/choose-a-loss.md": None,
    "docs/why-your-psnr-differs.md": None,
    "docs/compare.md": None,
    # videos and ONNX want extras
    "docs/restore.md": "## Clips",
}
"""Pages that a user of the wheel alone follows, and the heading from which on they need more."""
PATIENCE = 120
"""Seconds that all of a page may take."""
MARKED = re.compile(r"(?:<!-- (?:run|python) -->\n)?^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WALK = """
import json, shlex, sys
from lossbench.__main__ import main
for language, block in json.load(sys.stdin):
    if language == "python":
        exec(compile(block, "page", "exec"), {"__name__": "page"})
    for line in block.replace("\\\\\\n", " ").splitlines() if language == "sh" else ():
        sys.argv = shlex.split(line)
        print("+", line, flush=True)
        main()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if UV is None:
        pytest.skip("uv is not on PATH")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--wheel", "--quiet", "--out-dir", folder, ROOT], check=True)
    return next(folder.glob("*.whl"))


def information(wheel: Path) -> str:
    """Return the folder of the wheel that holds its metadata."""
    return f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"


def required(found: Distribution, extra: str, known: dict[tuple[str, str], Distribution]) -> None:
    """Add to `known` all that `found` asks for with its `extra`, and what that asks for, by name and extra."""
    for text in found.requires or ():
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        # torch asks for parts of the CUDA toolkit by extras
        for key in ((name, ""), *((name, each) for each in requirement.extras)):
            if key not in known:
                known[key] = distribution(name)
                required(known[key], key[1], known)


@pytest.fixture(scope="module")
def needed(wheel: Path) -> dict[str, Distribution]:
    """Give the distributions that the wheel's metadata ask for."""
    with zipfile.ZipFile(wheel) as archive:
        folder = zipfile.Path(archive, f"{information(wheel)}/")
        known: dict[tuple[str, str], Distribution] = {}
        required(PathDistribution(folder), "", known)  # type: ignore[arg-type]
    return {name: found for (name, _), found in known.items()}


@pytest.fixture(scope="module")
def python(wheel: Path, needed: dict[str, Distribution], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the interpreter of an environment that holds the wheel and `needed`."""
    assert UV is not None
    environment = tmp_path_factory.mktemp("environment") / "environment"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    inside = environment / "bin" / "python"
    subprocess.run([UV, "pip", "install", "--quiet", "--no-deps", "--python", inside, wheel], check=True)
    site = next(environment.glob("lib/python*/site-packages"))
    for each in needed.values():
        for name in {file.parts[0] for file in each.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / name).exists():
                (site / name).symlink_to(Path(str(each.locate_file(name))))
    return inside


@pytest.fixture
def run(python: Path, tmp_path: Path) -> Callable[..., str]:
    """Run the environment's Python in a folder where a user has a `pipeline.py` of their own."""
    (tmp_path / "pipeline.py").write_text("raise SystemExit('the pipeline of somebody else')\n", encoding="utf-8")

    def ran(*arguments: str | Path) -> str:
        done = subprocess.run([python, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return ran


def test_it_holds_the_library_and_its_data_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"lossbench", information(wheel)}
    shipped = (
        f"assets/loss_networks/{network}{ending}"
        for network in ("mae_task", "cnn_mae_task")
        for ending in (".safetensors", ".json", "_probe.csv")
    )
    tables = ("assets/embedded_catalogue.json", "assets/released_weights.toml")
    data = ("py.typed", "metrics/golden.csv", "metrics/niqe.safetensors", *tables, *shipped)
    assert {f"lossbench/{file}" for file in data} <= set(names)


def test_it_needs_few_distributions(needed: dict[str, Distribution]) -> None:
    assert {"torch", "numpy", "safetensors", "pydantic", "pillow", "scipy"} <= needed.keys()
    assert len(needed) + 1 <= MOST, sorted(needed)
    assert not {"snakemake", "pyiqa", "timm", "torchvision", "scikit-image", "pandas", "matplotlib"} & needed.keys()


@pytest.mark.slow
def test_the_package_index_brings_few_distributions(wheel: Path, tmp_path: Path) -> None:
    assert UV is not None
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "empty"], check=True)
    command = [UV, "pip", "install", "--dry-run", "--python", tmp_path / "empty" / "bin" / "python", wheel]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the package index can't be reached: {done.stderr.strip().splitlines()[-1]}")
    [count] = re.findall(r"Would install (\d+) packages?", done.stderr)
    assert int(count) <= MOST


def test_every_module_imports_without_an_extra(python: Path, run: Callable[..., str]) -> None:
    found = json.loads(run("-c", IMPORTS).splitlines()[-1])
    assert str(python.parents[1]) in found["folder"] and found["modules"] >= 100
    code = "import importlib.util as u; print([n for n in ('skimage', 'timm', 'pandas', 'pyiqa') if u.find_spec(n)])"
    assert run("-c", code).strip() == "[]"


def test_importing_it_takes_no_time(run: Callable[..., str]) -> None:
    code = "import time; began = time.perf_counter(); import lossbench; print(time.perf_counter() - began)"
    assert min(float(run("-c", code)) for _ in range(3)) < IMPORT_SECONDS


def test_it_makes_a_loss_and_scores_pictures(python: Path, run: Callable[..., str], tmp_path: Path) -> None:
    run("-c", "import lossbench; lossbench.create_loss('original')")
    own = "pathlib.Path(lossbench.__file__).parent / 'assets/loss_networks/cnn_mae_task.safetensors'"
    run("-c", f"import lossbench, pathlib; lossbench.create_loss('ccmae', weights={own})")
    write = "import sys, numpy as np; from PIL import Image; r = np.random.default_rng(int(sys.argv[1]));"
    write += " Image.fromarray(r.integers(0, 256, (192, 200, 3), dtype=np.uint8)).save(sys.argv[2])"
    for seed, name in enumerate(("ours.png", "theirs.png")):
        run("-c", write, str(seed), name)
    command = [
        python.with_name("lossbench"),
        "measure",
        "ours.png",
        "theirs.png",
        "--metric",
        "psnr,ssim,niqe",
        "--json",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert list(json.loads(done.stdout)["mean"]) == ["psnr", "ssim", "niqe"]
    assert json.loads(run("-m", "lossbench", "losses", "--json"))


def test_it_lists_public_weights_and_stores_a_file_that_is_there(run: Callable[..., str], tmp_path: Path) -> None:
    assert {"mae_base", "vgg19"} <= {
        row["name"] for row in json.loads(run("-m", "lossbench", "fetch", "weights", "--json"))
    }
    (tmp_path / "encoder.pth").write_bytes(encoder())
    settings = [part for key, value in TINY["mae"].items() for part in ("--set", f"{key}={value}")]
    run("-m", "lossbench", "import_weights", "encoder.pth", "--as", "mae", *settings, "--output", "mae.safetensors")
    run("-c", "import lossbench; lossbench.create_loss('kmae', weights='mae.safetensors')")


def test_the_snippets_of_the_documentation_run(run: Callable[..., str], tmp_path: Path) -> None:
    page = (ROOT / "docs/use-a-loss.md").read_text(encoding="utf-8")
    blocks = PYTHON_BLOCK.findall(page)
    assert blocks
    (tmp_path / "snippets.py").write_text("\n".join([PREPARED, *blocks]), encoding="utf-8")
    run("snippets.py")
    assert (tmp_path / "edsr.pt").exists()


@pytest.mark.slow
@pytest.mark.parametrize("page", WALKED)
def test_a_page_is_followed_where_nothing_but_the_wheel_is(page: str, python: Path, tmp_path: Path) -> None:
    text, end = (ROOT / page).read_text(encoding="utf-8"), WALKED[page]
    # tables of pandas are an extra's
    without = re.compile(r"^.*frame\(\).*\n", re.MULTILINE)
    blocks = [
        (kind, without.sub("", block)) for kind, block in MARKED.findall(text[: text.index(end)] if end else text)
    ]
    assert blocks
    furnish(tmp_path)
    began = time.monotonic()
    done = subprocess.run(
        [python, "-c", WALK], input=json.dumps(blocks), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n+ ") + done.stdout.startswith("+ ") >= 2
    assert time.monotonic() - began < PATIENCE


def test_the_first_training_step_takes_five_lines_at_most() -> None:
    block = MARKED.findall((ROOT / "docs/index.md").read_text(encoding="utf-8"))[0][1]
    step, _, _ = block.partition(".backward()")
    lines = [line for line in step.splitlines() if line.strip()]
    assert "create_loss" in step and len(lines) <= 6 and sum("lossbench" in line for line in lines) <= 5


@pytest.mark.parametrize("version", DECLARED)
def test_it_installs_on_every_declared_python(wheel: Path, version: str, tmp_path: Path) -> None:
    assert UV is not None
    found = subprocess.run([UV, "python", "find", "--no-python-downloads", version], capture_output=True, text=True)
    if found.returncode:
        pytest.skip(f"no Python {version} here")
    environment = tmp_path / "environment"
    chosen = found.stdout.strip()
    subprocess.run([UV, "venv", "--quiet", "--no-python-downloads", "--python", chosen, environment], check=True)
    inside = environment / "bin" / "python"
    subprocess.run([UV, "pip", "install", "--quiet", "--no-deps", "--python", inside, wheel], check=True)
    code = "import lossbench, lossbench.errors, lossbench.plugins; print(lossbench.__file__)"
    printed = subprocess.run([inside, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert str(environment) in printed
