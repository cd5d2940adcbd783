"""Where the hub can't be reached its client says one line and does not try for a minute."""

import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lossbench.assets import hub_client
from lossbench.assets.hub_client import CLIENT

hub: Any = pytest.importorskip("huggingface_hub")


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no proxy stand before the hub, and have the client look for it."""
    monkeypatch.setattr(hub_client.urllib.request, "getproxies", dict)
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    hub_client._unreachable.cache_clear()
    yield
    hub_client._unreachable.cache_clear()


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> str:
    """Have the hub at a port of this machine where nothing listens; return its address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setattr(hub.constants, "ENDPOINT", address)
    return address


def test_without_a_connection_the_client_fails_at_once_and_in_silence(
    closed: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with hub_client.hub_client() as unreachable:
        assert unreachable == "no connection to 127.0.0.1: Connection refused"
        with pytest.raises(OSError):
            hub.hf_hub_download("timm/resnet18.a1_in1k", "model.safetensors", endpoint=closed, cache_dir=tmp_path)
    assert time.monotonic() - began < 5
    assert capfd.readouterr().err == ""
    assert hub.constants.HF_HUB_OFFLINE is False


def test_what_it_kept_is_found_without_a_connection(closed: str, tmp_path: Path) -> None:
    kept = tmp_path / "models--some--model"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs/main").write_text("0" * 40, encoding="utf-8")
    (kept / "snapshots" / ("0" * 40)).mkdir(parents=True)
    file = kept / "snapshots" / ("0" * 40) / "weights"
    file.write_text("kept", encoding="utf-8")
    with hub_client.hub_client() as unreachable:
        assert unreachable
        assert Path(hub.hf_hub_download("some/model", "weights", endpoint=closed, cache_dir=tmp_path)) == file


def test_with_a_connection_its_tries_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger(CLIENT)
    before = list(log.handlers), log.propagate
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        with hub_client.hub_client() as unreachable:
            assert unreachable == "" and hub.constants.HF_HUB_OFFLINE is False
            child = logging.getLogger(f"{CLIENT}.utils")
            for number in range(1, 4):
                child.warning(f"503 thrown\nRetry {number}/5")
    assert (
        capsys.readouterr().err == "the hub does not answer as it should (503 thrown Retry 1/5); trying for a while\n"
    )
    assert (log.handlers, log.propagate) == before


def test_behind_a_proxy_nothing_is_looked_up(closed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_client.urllib.request, "getproxies", lambda: {"https": "http://proxy:3128"})
    with hub_client.hub_client() as unreachable:
        assert unreachable == "" and hub.constants.HF_HUB_OFFLINE is False
