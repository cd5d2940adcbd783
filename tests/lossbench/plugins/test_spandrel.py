"""Architectures of spandrel as networks, by their names."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from _outside import noise

from lossbench import networks, plugins
from lossbench.errors import UserError
from lossbench.plugins import modules, spandrel

installed = pytest.mark.skipif(modules.spec_of("spandrel") is None, reason="the extra spandrel is not installed")
SPAN = {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 8, "upscale": 2}


@installed
def test_one_is_built_with_its_own_arguments_and_is_a_network() -> None:
    assert plugins.module("networks", "spandrel:SPAN") == "spandrel.architectures.SPAN:SPAN"
    assert plugins.package("networks", "spandrel:SPAN").startswith("spandrel 0.") and "MIT" in plugins.package(
        "networks", "spandrel:SPAN"
    )
    network = networks.build("spandrel:SPAN", **SPAN, scale=2)
    assert isinstance(network, networks.Network) and (network.scale, network.in_channels) == (2, 3)
    assert network(torch.from_numpy(noise(1, 3, 12, 10))).shape == (1, 3, 24, 20)
    grey = networks.build("spandrel:SPAN", **{**SPAN, "num_in_ch": 1, "num_out_ch": 1})
    with pytest.raises(UserError, match=r"network 'spandrel:SPAN' fails on pictures \(1, 3, 12, 10\) \(RuntimeError: "):
        grey(torch.from_numpy(noise(1, 3, 12, 10)))
    plugins.check_build_arguments("networks", "spandrel:SPAN", {**SPAN, "scale": 2})
    with pytest.raises(UserError, match="takes no argument 'upscael'; did you mean 'upscale'"):
        plugins.check_build_arguments("networks", "spandrel:SPAN", {"upscael": 2})


@installed
def test_every_public_class_is_read_and_a_miss_names_the_nearest() -> None:
    for name in spandrel._classes():
        assert plugins.build_arguments("networks", f"spandrel:{name}"), name
    assert {"SPAN", "ESRGAN", "RealPLKSR", "SwinIR", "UpCunet2x"} <= spandrel._classes().keys()
    with pytest.raises(UserError, match=r"network 'spandrel:SPAM': spandrel has no 'SPAM'; did you mean 'SPAN'\?"):
        plugins.check("networks", "spandrel:SPAM")


@installed
def test_nothing_is_imported_to_plan_with_one() -> None:
    script = (
        "import sys; from lossbench import plugins; plugins.build_arguments('networks', 'spandrel:SPAN');"
        "sys.exit(' '.join({'torch', 'spandrel'} & {*sys.modules}) or 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    spandrel._classes.cache_clear()
    monkeypatch.setattr(spandrel, "source_of", lambda _: None)
    with pytest.raises(
        UserError, match=r'needs the package spandrel; install it by `pip install "lossbench\[spandrel\]"'
    ):
        spandrel.class_of("spandrel:SPAN")
    spandrel._classes.cache_clear()


def test_a_folder_of_architectures_is_read_by_what_each_makes_public(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, public in (("One", "'OneArch', 'One'"), ("Two", "'TwoArch', 'Two_s', 'Two_l'"), ("__help", "'None'")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"__all__ = [{public}]\n", encoding="utf-8")
    (tmp_path / "__init__.py").touch()
    spandrel._classes.cache_clear()
    monkeypatch.setattr(spandrel, "source_of", lambda _: tmp_path / "__init__.py")
    assert spandrel.class_of("spandrel:Two_l") == "spandrel.architectures.Two:Two_l"
    assert list(spandrel._classes()) == ["One", "Two_s", "Two_l"]
    spandrel._classes.cache_clear()
