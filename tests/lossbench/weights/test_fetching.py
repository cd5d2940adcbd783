"""Public weights from a server on this machine: whole, cut short, wrong, moved, and under a licence to accept."""

import io
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
import torch
from _loss_networks import TINY
from _server import Server, serving
from _weights import LICENCE, encoder, only, public_file

import lossbench
from lossbench import loss_networks, plugins
from lossbench.assets import embedded
from lossbench.errors import UserError
from lossbench.loss_networks import lpips
from lossbench.turns import turn
from lossbench.weights.fetching import fetch_weights, listing
from lossbench.weights.released import PublicFile, PublicNetwork

CONTENT = encoder()
FILE = "mae_pretrain_vit_base.pth"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a running server of a small MAE that the table of public files names."""
    with serving(monkeypatch) as running:
        running.contents[FILE] = CONTENT
        only(monkeypatch, public_file(f"{running.url}/{FILE}", CONTENT))
        yield running


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_public_file_becomes_a_loss_network_that_says_whose_it_is(server: Server, fetched: Path) -> None:
    [row] = fetch_weights(["kmae"], fetched, accept=True)
    assert names(fetched) == ["mae_base.json", "mae_base.safetensors", FILE]
    assert (fetched / FILE).read_bytes() == CONTENT
    network, card = loss_networks.load(fetched / "mae_base.safetensors")
    assert card == json.loads((fetched / "mae_base.json").read_text())
    told = {key: card[key] for key in ("licence", "source", "url", "checked", "file")}
    url, checked = f"{server.url}/{FILE}", public_file("", CONTENT).digest
    assert told == {
        "licence": LICENCE,
        "source": "He et al. 2022, made small",
        "url": url,
        "checked": checked,
        "file": FILE,
    }
    assert card["weights_digest"].startswith(checked) and len(card["weights_digest"]) == len("md5:") + 32
    assert (row["licence"], row["digest"]) == (LICENCE, card["weights_digest"])
    released = torch.load(io.BytesIO(CONTENT), weights_only=True)["model"]
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in released.items())
    # by the name of its kind, and without asking the server
    assert fetch_weights(["mae"], fetched) == [row]
    assert server.asked == [None]
    lossbench.create_loss("kmae")


def test_an_interrupted_download_goes_on_where_it_stopped(server: Server, fetched: Path) -> None:
    server.breaks_at[FILE] = 1000
    with pytest.raises(UserError, match=rf"{FILE}: the download failed \(1000 of {len(CONTENT)} bytes came\)"):
        fetch_weights(["kmae"], fetched, accept=True)
    assert names(fetched) == ["unchecked", f"unchecked/{FILE}.partial"]
    fetch_weights(["kmae"], fetched, accept=True)
    assert names(fetched) == ["mae_base.json", "mae_base.safetensors", FILE]
    assert server.asked == [None, "bytes=1000-"]


def test_a_file_with_another_digest_is_not_kept(server: Server, fetched: Path) -> None:
    server.contents[FILE] = encoder(seed=4)
    with pytest.raises(UserError) as caught:
        fetch_weights(["kmae"], fetched, accept=True)
    said = str(caught.value)
    assert said.startswith(f"{server.url}/{FILE}: ") and "has md5:" in said
    assert f"; or put {FILE} ({public_file('', CONTENT).digest}; 0.00 GB, {LICENCE}) into {fetched} by hand" in said
    assert names(fetched) == []
    server.contents[FILE] = CONTENT
    fetch_weights(["kmae"], fetched, accept=True)
    assert server.asked == [None, None]


@pytest.mark.parametrize("content", [CONTENT[:-1], b"<html>Not Found</html>"])
def test_a_file_of_another_size_is_not_kept(server: Server, fetched: Path, content: bytes) -> None:
    server.contents[FILE] = content
    with pytest.raises(UserError, match=f"has {len(content)} bytes, expected {len(CONTENT)}; .* by hand"):
        fetch_weights(["kmae"], fetched, accept=True)
    assert names(fetched) == []


def test_a_server_that_moved_the_file_is_followed(server: Server, fetched: Path) -> None:
    server.moved[FILE], server.contents["moved.pth"] = "moved.pth", server.contents.pop(FILE)
    server.breaks_at["moved.pth"] = 1000
    with pytest.raises(UserError, match="1000 of"):
        fetch_weights(["kmae"], fetched, accept=True)
    fetch_weights(["kmae"], fetched, accept=True)
    assert (fetched / FILE).read_bytes() == CONTENT
    assert server.asked == [None, None, "bytes=1000-", "bytes=1000-"]


def test_without_a_network_the_file_its_folder_and_its_digest_are_said(
    fetched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    file = public_file(f"http://127.0.0.1:1/{FILE}", CONTENT)
    only(monkeypatch, file)
    by_hand = rf"or put {FILE} \({file.digest}; .*\) into {fetched} by hand and run this again"
    with pytest.raises(UserError, match=rf"^http://127.0.0.1:1/{FILE}: the download failed .*refused.*; {by_hand}$"):
        fetch_weights(["kmae"], fetched, accept=True)
    (fetched / FILE).write_bytes(b"another")
    with pytest.raises(UserError, match=f"{fetched / FILE} has 7 bytes, expected {len(CONTENT)}"):
        fetch_weights(["kmae"], fetched, accept=True)
    (fetched / FILE).write_bytes(CONTENT)
    fetch_weights(["kmae"], fetched, accept=True)
    assert (fetched / "mae_base.safetensors").is_file()


def test_a_non_commercial_licence_is_refused_where_nobody_can_be_asked(server: Server, fetched: Path) -> None:
    with pytest.raises(UserError, match=r"^mae_base: its licence is CC BY-NC 4.0 .*; .* with --accept-licence$"):
        fetch_weights(["kmae"], fetched)
    assert not fetched.exists() and server.asked == []


class Terminal(io.StringIO):
    """A terminal on which somebody types."""

    def isatty(self) -> bool:
        return True


def test_a_licence_is_asked_for_once(server: Server, fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = public_file(f"{server.url}/other.pth", CONTENT)
    network = PublicNetwork("mae_large", "mae", TINY["mae"])
    files = (
        public_file(f"{server.url}/{FILE}", CONTENT),
        PublicFile(**{**vars(other), "name": "mae_large", "loss_networks": (network,)}),
    )
    server.contents["other.pth"] = CONTENT
    only(monkeypatch, *files)
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdin", Terminal("no\n"))
    with pytest.raises(UserError, match="--accept-licence"):
        fetch_weights(["mae_base"], fetched)
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    fetch_weights(["mae_base"], fetched)
    # the answer is remembered by what lies in the folder
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    fetch_weights(["mae_large"], fetched)
    assert screen.getvalue().count(f"its licence is {LICENCE}. Accept it? [y/N]") == 2


def test_two_loss_networks_of_one_file_are_made_of_one_download(
    server: Server, fetched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = tuple(PublicNetwork(name, "mae", TINY["mae"]) for name in ("first", "second"))
    only(monkeypatch, public_file(f"{server.url}/{FILE}", CONTENT, loss_networks=networks))
    assert [row["name"] for row in fetch_weights(["first", "second", "first"], fetched, accept=True)] == [
        "first",
        "second",
    ]
    assert server.asked == [None]


def test_two_at_once_download_a_file_once(server: Server, fetched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(2) as pool:
        with turn(fetched):
            both = [pool.submit(fetch_weights, ["kmae"], fetched, True) for _ in range(2)]
            wait(both, timeout=0.5)
            assert not server.asked
        first, second = (one.result() for one in both)
    assert (first, len(server.asked)) == (second, 1)
    assert capsys.readouterr().err.count("another process writes there; waiting") == 2


def test_names_and_folders_are_looked_at_before_anything_is_downloaded(
    server: Server, fetched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="no public weights 'kmea'"):
        fetch_weights(["kmae", "kmea"], fetched, accept=True)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"--to: {tmp_path / 'file'} is a file; give a folder"):
        fetch_weights(["kmae"], tmp_path / "file", accept=True)
    also = lpips.RELEASED["vgg"].shipped
    network = PublicNetwork("lpips", "lpips", {"net": "vgg"}, also)
    only(monkeypatch, public_file(f"{server.url}/{FILE}", CONTENT, loss_networks=(network,)))

    def absent(path: str) -> Path:
        raise UserError(f"{path} is missing: package torchmetrics is not installed")

    monkeypatch.setattr(embedded, "locate", absent)
    with pytest.raises(UserError, match="package torchmetrics is not installed"):
        fetch_weights(["lpips"], fetched, accept=True)
    assert server.asked == []


def test_what_lies_there_and_was_not_fetched_is_not_replaced(server: Server, fetched: Path) -> None:
    path = fetched / "mae_base.safetensors"
    loss_networks.save(loss_networks.build("mae", **TINY["mae"]), path, {})
    before = path.read_bytes()
    with pytest.raises(UserError, match=f"{path} is there and was not fetched"):
        fetch_weights(["kmae"], fetched, accept=True)
    assert path.read_bytes() == before


def test_the_list_says_what_there_is_and_what_is_stored(server: Server, fetched: Path) -> None:
    assert [row["stored"] for row in listing(fetched)] == [None]
    fetch_weights(["kmae"], fetched, accept=True)
    [row] = listing(fetched)
    assert row["stored"] == str(fetched / "mae_base.safetensors")
    assert (row["name"], row["loss_network"], row["file"], row["bytes"]) == ("mae_base", "mae", FILE, len(CONTENT))


def test_lpips_is_made_of_the_trunk_and_the_heads_of_a_package(
    server: Server, fetched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        embedded.locate(lpips.RELEASED["squeeze"].shipped)
    except UserError as error:
        pytest.skip(str(error))
    torch.manual_seed(0)
    trunk = plugins.load("loss_networks", "lpips").build("squeeze").features.state_dict()
    stream = io.BytesIO()
    torch.save({f"features.{name}": tensor for name, tensor in trunk.items()}, stream)
    content = stream.getvalue()
    # a trunk of random weights under the name of torchvision's, whose digest is let pass
    monkeypatch.setattr("lossbench.loss_networks._released._check", lambda file, name: None)
    released = lpips.RELEASED["squeeze"]
    network = PublicNetwork("lpips", "lpips", {"net": "squeeze"}, released.shipped)
    server.contents[released.trunk] = content
    only(monkeypatch, public_file(f"{server.url}/{released.trunk}", content, loss_networks=(network,)))
    fetch_weights(["lpips"], fetched, accept=True)
    card = json.loads((fetched / "lpips.json").read_text())
    assert card["also"]["digest"].startswith("sha256:4a5350f2") and "BSD-2-Clause" in card["also"]["licence"]
    loss = lossbench.create_loss("lpips")
    assert float(loss(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))) > 0
