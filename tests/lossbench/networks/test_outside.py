"""A network of another package: what it does not say is given, what it makes is checked, files of it can be opened."""

from pathlib import Path
from typing import Any

import pytest
import torch
from _outside import forget, installed, noise, written
from torch import Tensor, nn

from lossbench import networks, storage
from lossbench.errors import UserError
from lossbench.networks import Network
from lossbench.networks._padding import restore

KINDS = '''
import torch
from torch import nn

class Says(nn.Module):
    scale, in_channels, out_channels, multiple = 2, 1, 4, 8
    def __init__(self, width: int = 2):
        super().__init__()
        self.layer = nn.Conv2d(1, 16, 1)
    def forward(self, x): return nn.functional.pixel_shuffle(self.layer(x), 2)

class Residual(nn.Module):
    """A factor that is called like another thing."""
    def __init__(self, *, minimum: int = 12):
        super().__init__()
        self.scale = 0.1
        self.layer = nn.Conv2d(3, 3, 3, padding=1)
    def forward(self, x): return x + self.scale * self.layer(x)

class Halves(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 2, stride=2)
    def forward(self, x): return nn.functional.interpolate(self.layer(x), scale_factor=2)

class Lists(Residual):
    def forward(self, x): return [x]

class Needs(nn.Module):
    def __init__(self, depth: int, width: int = 3):
        super().__init__()
        if depth > width: raise ValueError("too deep")

class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.LazyConv2d(3, 3, padding=1))
    def forward(self, x): return self.body(x)

class Full(Residual):
    def forward(self, x): raise MemoryError

class Fails(Residual):
    def forward(self, x): return x[7]

def factory(width: int = 2) -> Says: return Says(width)
def silent(width: int = 2): return Says(width)
'''


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give what builds a network of the module `kinds`."""
    installed(written(tmp_path, {"kinds.py": KINDS}, pictures=False), monkeypatch)
    yield lambda name, **arguments: networks.build(f"kinds:{name}", **arguments)
    forget()


def sizes(network: Any) -> tuple[int, ...]:
    assert isinstance(network, Network)
    return network.scale, network.multiple, network.minimum, network.in_channels, network.out_channels


def image(*shape: int) -> Tensor:
    return torch.from_numpy(noise(*shape))


def test_what_the_class_takes_is_both_its_own_and_known(fringe: Path) -> None:
    for name in ("shuffled", "fringe.networks:Shuffled"):
        network = networks.build(name, scale=3, width=5)
        assert sizes(network) == (3, 1, 1, 3, 3)
        assert network(image(1, 3, 8, 6)).shape == (1, 3, 24, 18)
    assert networks.parameter_count(network) == sum(each.numel() for each in network.network.parameters())


def test_what_the_class_says_is_taken_and_the_rest_is_given(kinds: Any) -> None:
    assert sizes(kinds("Says")) == sizes(kinds("factory")) == (2, 8, 8, 1, 4)
    assert sizes(kinds("Says", minimum=16)) == (2, 8, 16, 1, 4)
    # the factor 0.1 is no scale; the default of an argument says what no attribute does
    assert sizes(kinds("Residual")) == (1, 1, 12, 3, 3)
    assert sizes(kinds("Residual", minimum=4, multiple=2)) == (1, 2, 4, 3, 3)


def test_pictures_of_any_size_are_padded_to_the_multiple_that_is_given(kinds: Any) -> None:
    network = kinds("Halves", multiple=2)
    assert restore(network, image(1, 3, 13, 11)).shape == (1, 3, 13, 11)
    with pytest.raises(UserError, match=r"network 'kinds:Halves' makes \(1, 3, 12, 10\) of \(1, 3, 13, 11\), not"):
        kinds("Halves")(image(1, 3, 13, 11))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Says", {"scale": 3}, r"makes \(1, 4, 16, 16\) of \(1, 1, 8, 8\), not \(1, 4, 24, 24\); give its arguments"),
        ("Lists", {}, "makes a list of"),
        ("Says", {"multiple": 0}, "multiple = 0 is no count; give 1 or more"),
        ("Says", {"scale": 2.0}, "scale = 2.0 is not of the right type; give a whole number or None"),
        ("Says", {"widht": 3}, "takes no argument 'widht'; did you mean 'width'"),
        ("Says", {"width": "3"}, "width = '3' is not of the right type; give a whole number"),
        ("Needs", {}, r"can't be made with no arguments \(TypeError: .*'depth'\)"),
        ("Needs", {"depth": 9}, r"can't be made with depth = 9 \(ValueError: too deep\)"),
        ("Lazy", {}, r"its 'body\.0' is a LazyConv2d, which has no weights before it sees data; give it its sizes, as"),
        (
            "Fails",
            {},
            r"fails on pictures \(1, 3, 8, 8\) \(IndexError: index 7 is out of bounds .*\); mend its forward",
        ),
        ("silent", {}, "the function does not say what it returns"),
    ],
)
def test_what_is_wrong_is_one_line(kinds: Any, name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"network 'kinds:{name}'.*{message}") as raised:
        network = kinds(name, **arguments)
        network(image(1, network.in_channels, 8, 8))
    assert "\n" not in str(raised.value)


def test_pictures_of_other_bands_are_one_line_and_memory_that_is_used_up_is_left_to_whoever_gave_them(
    kinds: Any,
) -> None:
    with pytest.raises(
        UserError, match=r"network 'kinds:Says' fails on pictures \(1, 3, 8, 8\) \(RuntimeError: .* 1 ch"
    ):
        kinds("Says")(image(1, 3, 8, 8))
    with pytest.raises(MemoryError):
        kinds("Full")(image(1, 3, 8, 8))


def test_a_trained_file_opens_by_the_name_in_it(fringe: Path, tmp_path: Path) -> None:
    arguments = {"scale": 2, "width": 3, "multiple": 4}
    network = networks.build("fringe.networks:Shuffled", **arguments)
    file = tmp_path / "model.safetensors"
    storage.save(file, network, {"name": "fringe.networks:Shuffled", "arguments": arguments})
    opened = networks.load_network(file)
    assert sizes(opened) == (2, 4, 4, 3, 3)
    assert torch.equal(opened(image(1, 3, 8, 8)), network(image(1, 3, 8, 8)))


@pytest.mark.parametrize("name", ["os:system", "subprocess:run", "builtins:exec", "shutil:rmtree", "platform:popen"])
def test_a_file_runs_no_function_that_makes_no_network(tmp_path: Path, name: str) -> None:
    file, trace = tmp_path / "model.safetensors", tmp_path / "trace"
    arguments = {"command": f"touch {trace}"} if name == "os:system" else {"args": ["touch", str(trace)]}
    storage.save(file, nn.Conv2d(1, 1, 1), {"name": name, "arguments": arguments})
    with pytest.raises(UserError):
        networks.load_network(file)
    assert not trace.exists()


def test_the_listing_reads_what_packages_offer(fringe: Path) -> None:
    assert networks.listing()[-1] == {
        "name": "shuffled",
        "window": 1,
        "parameters": {},
        "source": "Two convolutions and a pixel shuffle",
        "package": "fringe 0.3",
    }


def test_weights_of_its_own_project_are_those_of_the_module_alone(kinds: Any, tmp_path: Path) -> None:
    network, file = kinds("Says"), tmp_path / "net_g.pth"
    torch.save({"params": network.network.state_dict()}, file)
    other = kinds("Says")
    assert not torch.equal(other.network.layer.weight, network.network.layer.weight)
    networks.fill(other, "kinds:Says", file)
    torch.testing.assert_close(other.state_dict(), network.state_dict(), rtol=0, atol=0)
