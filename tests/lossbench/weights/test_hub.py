"""Weights of timm's hub: stored as a loss network, found again without a network, and refused in one line."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

import lossbench
from lossbench import loss_networks, plugins
from lossbench.assets import hub_client
from lossbench.errors import UserError
from lossbench.losses._features import Hidden
from lossbench.weights import hub
from lossbench.weights.fetching import fetch_weights

timm = pytest.importorskip("timm")
MODEL = "test_resnet.r160_in1k"
FILE = f"timm-{MODEL}.safetensors"


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let timm's hub give weights drawn here; return the models that it is asked for."""
    monkeypatch.setattr(hub_client, "_unreachable", lambda _: "")
    plugin, asked = plugins.load("loss_networks", "timm"), list[str]()
    create = timm.create_model

    def created(name: str, pretrained: bool = False, **given: Any) -> Any:
        torch.manual_seed(7)
        made = create(name, pretrained=False, **given)
        asked.extend([name] if pretrained else [])
        return made

    monkeypatch.setattr(timm, "create_model", created)
    assert plugin.full_name("test_resnet") == MODEL
    return asked


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let timm fail as it does where there is no network."""
    create = timm.create_model
    monkeypatch.setattr(hub_client, "_unreachable", lambda _: "no connection")

    def created(name: str, pretrained: bool = False, **given: Any) -> Any:
        if pretrained:
            raise OSError("We couldn't connect to the hub\nand found no file")
        return create(name, pretrained=False, **given)

    monkeypatch.setattr(timm, "create_model", created)


def test_the_weights_of_a_model_are_fetched_once_and_found_again(
    reachable: list[str], fetched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loss = lossbench.create_loss("timm:test_resnet@layer2")
    assert reachable == [MODEL]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"fetch timm:{MODEL} from timm's hub (timm {timm.__version__}, timm/{MODEL}; licence: ")
    assert lines[1].startswith(f"loss 'timm': weights {fetched / FILE} (timm, timm {timm.__version__}, timm/{MODEL}; ")
    network, card = loss_networks.load(fetched / FILE)
    assert card["licence"] == "apache-2.0" and card == json.loads((fetched / FILE).with_suffix(".json").read_text())
    expected = timm.create_model(MODEL, num_classes=0).state_dict()
    assert all(torch.equal(network.state_dict()[f"model.{name}"], tensor) for name, tensor in expected.items())
    again = lossbench.create_loss(f"timm:{MODEL}@layer1")
    lossbench.create_loss("timm", model="test_resnet", layer="layer3")
    lossbench.create_loss("timm", layer="layer3")
    assert reachable == [MODEL]
    prediction, target = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    assert isinstance(loss, Hidden) and float(loss(prediction, target)) != float(again(prediction, target)) > 0


def test_fetching_by_name_stores_the_same(reachable: list[str], fetched: Path) -> None:
    [row] = fetch_weights(["timm:test_resnet@layer2"], fetched)
    assert (row["name"], row["file"], row["licence"]) == (f"timm:{MODEL}", str(fetched / FILE), "apache-2.0")
    assert fetch_weights([f"timm:{MODEL}"], fetched) == [row]
    assert reachable == [MODEL]


def test_without_a_network_there_is_one_line(unreachable: None, fetched: Path) -> None:
    with pytest.raises(UserError) as caught:
        lossbench.create_loss("timm:test_resnet@layer2")
    assert str(caught.value) == (
        f"timm:{MODEL}: its weights can't be had from timm's hub (no connection); where there is a network run: "
        f"lossbench fetch weights timm:{MODEL}, or import a file that you have: "
        f"lossbench import_weights FILE --as timm --set model={MODEL}"
    )
    assert not fetched.exists()


def test_an_imported_file_of_the_model_is_found(unreachable: None, fetched: Path) -> None:
    network = loss_networks.build("timm", model=MODEL)
    loss_networks.save(network, fetched / "mine.safetensors", {"weights_digest": "sha256:0"})
    lossbench.create_loss("timm:test_resnet@layer2")


def test_a_non_commercial_model_is_to_be_accepted_first(
    reachable: list[str], fetched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = plugins.load("loss_networks", "timm")
    monkeypatch.setattr(plugin, "origin", lambda name: plugin.Origin("timm", "cc-by-nc-4.0", True))
    message = rf"timm:{MODEL}: its licence is cc-by-nc-4.0; to accept it run: .* timm:{MODEL} --accept-licence"
    with pytest.raises(UserError, match=message):
        lossbench.create_loss("timm:test_resnet@layer2")
    with pytest.raises(UserError, match="--accept-licence"):
        fetch_weights([f"timm:{MODEL}"], fetched)
    assert reachable == []
    fetch_weights([f"timm:{MODEL}"], fetched, accept=True)
    lossbench.create_loss("timm:test_resnet@layer2")
    assert reachable == [MODEL]


def test_the_licence_of_a_model_is_what_timm_states() -> None:
    plugin = plugins.load("loss_networks", "timm")
    assert plugin.origin("vit_base_patch16_224.mae").non_commercial
    assert not plugin.origin("resnet50.a1_in1k").non_commercial


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:test_resnt@layer2", "timm has no 'test_resnt'; did you mean 'test_resnet'"),
        ("timm:test_resnet.none@layer2", r"timm has no weights 'test_resnet.none'; did you mean"),
        ("timm:test_resnet@layer9", "'test_resnet.r160_in1k' has no 'layer9'; did you mean"),
    ],
)
def test_a_slip_is_said_before_anything_is_downloaded(reachable: list[str], name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        lossbench.create_loss(name)
    assert reachable == []


def test_a_model_without_weights_is_never_taken_with_random_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm, "list_pretrained", lambda _: [])
    with pytest.raises(UserError, match="timm has no weights of 'test_resnet'"):
        hub.full_name("test_resnet")


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for a repository of one file."""

    content, name = b"", f"/timm/{MODEL}/resolve/main/model.safetensors"

    def do_GET(self) -> None:
        found = self.path == self.name
        self.send_response(200 if found else 404)
        self.send_header("ETag", '"1234"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("X-Error-Code", "" if found else "EntryNotFound")
        self.send_header("Content-Length", str(len(self.content) if found else 0))
        self.end_headers()
        if found and self.command == "GET":
            self.wfile.write(self.content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(**held: Any) -> Iterator[str]:
    handler = type("Holding", (Hub,), held)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_timm_itself_downloads_from_a_hub_and_fails_in_one_line_without(fetched: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    state = timm.create_model(MODEL).state_dict()
    code = f"import lossbench; lossbench.create_loss('timm:{MODEL}@layer2')"

    def run(endpoint: str, folder: Path) -> subprocess.CompletedProcess[str]:
        places = {"LOSSBENCH_WEIGHTS": str(folder), "HF_HOME": str(tmp_path / "hub"), "HF_ENDPOINT": endpoint}
        environment = {
            **places,
            "HOME": str(tmp_path),
            "HF_HUB_DISABLE_XET": "1",
            "no_proxy": "127.0.0.1",
            "PYTHONPATH": ":".join(sys.path),
        }
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)

    # one that can't be reached is asked again and again for half a minute
    with serving(name="") as endpoint:
        absent = run(endpoint, fetched)
    last = absent.stderr.splitlines()[-1]
    assert absent.returncode == 1 and f"timm:{MODEL}: its weights can't be had from timm's hub (" in last
    assert not fetched.exists()
    with serving(content=save(state)) as endpoint:
        done = run(endpoint, fetched)
    assert done.returncode == 0, done.stderr
    network, _ = loss_networks.load(fetched / FILE)
    assert torch.equal(network.state_dict()["model.conv1.0.weight"], state["conv1.0.weight"])
