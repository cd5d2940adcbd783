"""What `import lossbench` gives: losses, metrics and networks by name, and nothing heavy until they are asked for."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from _repository import ROOT

import lossbench
from lossbench import networks, plugins, storage
from lossbench.errors import UserError

NAMES = [
    "__version__",
    "compare",
    "create_loss",
    "create_metric",
    "list_losses",
    "load_network",
    "restore",
    "statistics",
]


def test_every_name_of_the_front_door_is_there_and_typed() -> None:
    assert sorted(lossbench._FRONT_DOOR) == NAMES
    assert set(NAMES) <= set(dir(lossbench))
    stub = ast.parse((ROOT / "lossbench/__init__.pyi").read_text(encoding="utf-8"))
    [listed] = [node.value for node in stub.body if isinstance(node, ast.Assign)]
    assert sorted(ast.literal_eval(listed)) == NAMES
    assert all(getattr(lossbench, name) is not None for name in NAMES)
    with pytest.raises(AttributeError, match="no attribute 'create_los'; it has"):
        lossbench.create_los  # type: ignore[attr-defined]  # noqa: B018


def overloads() -> list[ast.FunctionDef]:
    stub = ast.parse((ROOT / "lossbench/__init__.pyi").read_text(encoding="utf-8"))
    return [node for node in stub.body if isinstance(node, ast.FunctionDef) and node.name == "create_loss"]


def names_of(function: ast.FunctionDef) -> list[str]:
    """Return the losses that an overload is for; empty where it is for any."""
    match function.args.args[0].annotation:
        case ast.Subscript(slice=ast.Tuple(elts=names)):
            return [ast.literal_eval(name) for name in names]
        case ast.Subscript(slice=name):
            return [ast.literal_eval(name)]
    return []


def test_an_editor_is_told_what_each_loss_takes() -> None:
    told = {name: function for function in overloads() for name in names_of(function)}
    assert sorted(told) == ["charbonnier", "fft", "gradient", "l1", "l2", "ms_ssim", "ssim"]
    for name, function in told.items():
        defaults = [None if node is None else ast.literal_eval(node) for node in function.args.kw_defaults]
        said = dict(zip((argument.arg for argument in function.args.kwonlyargs), defaults, strict=True))
        assert said.pop("check_range") is True
        taken = inspect.signature(plugins.load("losses", name).build).parameters
        assert said == {argument: parameter.default for argument, parameter in taken.items()}, name
    [any_name] = [function for function in overloads() if not names_of(function)]
    common = [argument.arg for argument in any_name.args.kwonlyargs]
    assert common == ["pixel", "weight", "weights", "every", "check_range", "precision"]
    assert set(common) - {"check_range"} <= set(plugins.build_arguments("losses", "ccmae"))


def test_importing_it_loads_nothing_but_the_standard_library() -> None:
    script = "import sys; before = set(sys.modules); import lossbench; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded - sys.stdlib_module_names == {"lossbench"}


def test_a_loss_is_created_by_name_and_listed() -> None:
    assert {"original", "ctmae", "vgg"} <= set(lossbench.list_losses())
    loss = lossbench.create_loss("original", pixel="l1")
    prediction, target = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    assert float(loss(prediction, target)) == 1.0
    with pytest.raises(UserError, match="did you mean 'original'"):
        lossbench.create_loss("orignal")


def test_a_metric_is_a_function_that_says_its_protocol() -> None:
    metric = lossbench.create_metric("psnr", protocol="y601")
    assert (metric.better, metric.unit, metric.protocol.colour) == ("up", "dB", "y601")
    target = torch.full((3, 16, 16), 0.5)
    from lossbench.metrics import score

    assert metric(target + 0.1, target) == score("psnr", target + 0.1, target, protocol="y601")
    with pytest.raises(UserError, match="did you mean 'psnr'"):
        lossbench.create_metric("pnsr")
    with pytest.raises(UserError, match="needs no loss network"):
        lossbench.create_metric("psnr", weights="file.safetensors")
    with pytest.raises(UserError, match="needs weights=PATH"):
        lossbench.create_metric("lpips")


def test_a_metric_of_sets_takes_two_sets() -> None:
    with pytest.raises(UserError, match="needs weights=PATH"):
        lossbench.create_metric("fid")


def test_a_trained_network_is_loaded_frozen(tmp_path: Path) -> None:
    torch.manual_seed(0)
    small = {"scale": 2, "channels": 8, "blocks": 1}
    network = networks.build("edsr", **small)
    path = tmp_path / "model.safetensors"
    storage.save(path, network, {"name": "edsr", "arguments": small})
    loaded = lossbench.load_network(path)
    picture = torch.rand(1, 3, 8, 8)
    assert torch.equal(loaded(picture), network.eval()(picture))
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    storage.save(path, network, {"name": "edrs", "arguments": small})
    with pytest.raises(UserError, match=rf"{path}: unknown network 'edrs'.*did you mean 'edsr'"):
        lossbench.load_network(path)
    storage.save(path, network, {"name": "edsr"})
    with pytest.raises(UserError, match=f"{path} does not say the name and arguments of its network"):
        lossbench.load_network(path)
