"""`lossbench fetch` and `lossbench import_weights` as they are typed."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from _loss_networks import TINY
from _server import Server, serving
from _weights import LICENCE, encoder, only, public_file

import lossbench
from lossbench import __main__ as command_line
from lossbench import loss_networks
from lossbench.assets import embedded
from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.loss_networks import vgg16

CONTENT = encoder()
FILE = "mae_pretrain_vit_base.pth"
SMALL = [part for key, value in TINY["mae"].items() for part in ("--set", f"{key}={value}")]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a running server of a small MAE that the table of public files names."""
    with serving(monkeypatch) as running:
        running.contents[FILE] = CONTENT
        only(monkeypatch, public_file(f"{running.url}/{FILE}", CONTENT))
        yield running


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Return a file that somebody released."""
    path = tmp_path / "encoder.pth"
    path.write_bytes(CONTENT)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["lossbench", *map(str, arguments)])
    command_line.main()


def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    run(monkeypatch, *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *arguments)
    assert stopped.value.code == 1
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ") and captured.out == ""
    return line


def test_weights_are_fetched_by_the_name_of_a_loss(
    server: Server, fetched: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "with --accept-licence" in refused(monkeypatch, capsys, "fetch", "weights", "kmae")
    [row] = printed(monkeypatch, capsys, "fetch", "weights", "kmae", "--accept-licence")
    assert row["file"] == str(fetched / "mae_base.safetensors")
    run(monkeypatch, "fetch", "weights", "kmae", "--to", tmp_path / "other", "--accept-licence")
    words = capsys.readouterr().out
    assert f"mae_base\n    file: {tmp_path / 'other/mae_base.safetensors'}; licence: {LICENCE}; source:" in words


def test_weights_alone_are_listed(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [row] = printed(monkeypatch, capsys, "fetch", "weights")
    assert (row["name"], row["digest"], row["stored"]) == ("mae_base", public_file("", CONTENT).digest, None)
    run(monkeypatch, "fetch", "weights")
    assert f"licence: {LICENCE}; stored: none" in capsys.readouterr().out


def test_data_sets_are_fetched_as_ever_and_several_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, Path]] = []
    monkeypatch.setattr("lossbench.datasets.fetch", lambda name, root: asked.append((name, root)))
    rows = printed(monkeypatch, capsys, "fetch", "div2k")
    assert [(row["name"], row["folder"]) for row in rows] == [("div2k", "data/div2k")]
    run(monkeypatch, "fetch", "data", "set5", "set14")
    run(monkeypatch, "fetch", "div2k", "--root", "mine")
    run(monkeypatch, "fetch", "div2k", "--to", "own")
    places = ["data/div2k", "data/set5", "data/set14", "mine", "own"]
    assert [str(path) for _, path in asked] == places
    capsys.readouterr()
    assert "--to x: one folder for 2 data sets" in refused(monkeypatch, capsys, "fetch", "set5", "set14", "--to", "x")
    assert "--accept-licence: it is for weights" in refused(monkeypatch, capsys, "fetch", "set5", "--accept-licence")
    assert "name one or more data sets" in refused(monkeypatch, capsys, "fetch", "data")


def test_a_name_of_weights_without_the_word_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(monkeypatch, capsys, "fetch", "vgg")
    assert line == "error: 'vgg' is no data set; for its weights run: lossbench fetch weights vgg"
    assert "did you mean 'div2k'?" in refused(monkeypatch, capsys, "fetch", "div2")


def test_a_file_is_imported_by_one_command(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "made/mae.safetensors"
    digest = f"sha256:{sha256(released)}"
    command = ["import_weights", released, "--as", "mae", *SMALL, "--output", output]
    [row] = printed(monkeypatch, capsys, *command, "--digest", digest[:15], "--licence", "MIT", "--source", "a friend")
    assert row == {
        "name": "mae",
        "file": str(output),
        "licence": "MIT",
        "source": "a friend",
        "digest": digest,
        "compared_with": digest[:15],
    }
    network, card = loss_networks.load(output)
    assert card == json.loads(output.with_suffix(".json").read_text())
    assert (card["licence"], card["source"], card["weights_digest"]) == ("MIT", "a friend", digest)
    assert torch.equal(network.state_dict()["cls_token"], torch.load(released, weights_only=True)["model"]["cls_token"])
    lossbench.create_loss("kmae", weights=output)
    assert f"{output} is there; give another file, or --overwrite" in refused(monkeypatch, capsys, *command)
    [row] = printed(monkeypatch, capsys, *command, "--overwrite")
    assert (row["digest"], row["compared_with"], row["licence"]) == (digest, None, None)


def test_a_long_import_says_how_far_it_is(
    released: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lossbench.measuring.progress.QUIET", 0.0)
    run(monkeypatch, "import_weights", released, "--as", "mae", *SMALL)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("import_weights  1/3 steps  ETA 0:00:0") and second.startswith("import_weights  2/3 steps")


def test_without_a_file_to_write_it_is_found_afterwards(
    released: Path, fetched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, "import_weights", released, "--as", "mae", *SMALL)
    assert (fetched / "mae.safetensors").is_file()
    lossbench.create_loss("kmae")


def test_what_can_not_be_imported_is_one_line(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "made.safetensors"
    for arguments, message in (
        ((tmp_path / "none.pth", "--as", "mae"), f"FILE: {tmp_path / 'none.pth'} is missing"),
        ((released, "--as", "mea"), "unknown loss network 'mea'"),
        ((released, "--as", "cnn_mae"), "loss network 'cnn_mae' takes no public weights"),
        ((released, "--as", "mae", *SMALL, "--set", "dimension=24"), f"{released} does not fit the network"),
        ((released, "--as", "mae", "--set", "widht=3"), "--set: 'mae' takes no argument 'widht'"),
        ((released, "--as", "mae", "--set", "depth"), "--set depth: no key=value; write it as --set image_size=224"),
        ((released, "--as", "mae", "--set", "depth=two"), "--set: depth: 'mae' takes a whole number (got 'two')"),
        ((released, "--as", "mae", *SMALL, "--digest", "sha256:012345"), "expected sha256:012345"),
        ((released, "--as", "mae", *SMALL, "--digest", "012345"), "digest: '012345' of encoder.pth; write sha256:"),
    ):
        assert message in refused(monkeypatch, capsys, "import_weights", *arguments, "--output", output)
        assert not output.exists()
    line = refused(monkeypatch, capsys, "import_weights", released, "--as", "mae", "--output", tmp_path / "made.pth")
    assert "end the name in .safetensors" in line


def test_of_a_public_file_all_else_is_known_by_its_name(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / FILE
    path.write_bytes(CONTENT)
    [row] = printed(monkeypatch, capsys, "import_weights", path, "--as", "mae", "--output", tmp_path / "m.safetensors")
    assert (row["licence"], row["compared_with"]) == (LICENCE, public_file("", CONTENT).digest)
    path.write_bytes(encoder(seed=4))
    again = "import_weights", path, "--as", "mae", "--output", tmp_path / "n.safetensors"
    assert "expected md5:" in refused(monkeypatch, capsys, *again)


def test_a_file_inside_an_installed_package_is_imported_by_its_catalogued_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        embedded.locate(vgg16.EMBEDDED)
    except UserError as error:
        pytest.skip(str(error))
    output = tmp_path / "vgg16.safetensors"
    [row] = printed(monkeypatch, capsys, "import_weights", vgg16.EMBEDDED, "--as", "vgg16", "--output", output)
    assert row["digest"] == row["compared_with"] == f"sha256:{embedded.catalogue()[vgg16.EMBEDDED].sha256}"
    assert "CC BY 4.0" in row["licence"]
    lossbench.create_loss("vgg", layer="conv5_3", weights=output)
