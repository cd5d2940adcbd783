"""Which losses there are, and which stored loss networks are found for them: only where the caller says."""

from pathlib import Path

import pytest

from lossbench import losses, plugins


def test_stored_files_are_looked_for_where_the_caller_says(
    tmp_path: Path, loss_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "results" / "mine" / "network.safetensors"
    file.parent.mkdir(parents=True)
    file.symlink_to(loss_network)
    file.with_name("damaged.safetensors").write_bytes(b"damaged")
    monkeypatch.chdir(tmp_path)
    assert losses.stored(None) == {}
    assert losses.stored(tmp_path) == {"cnn_mae": [str(file)]}
    assert losses.stored(Path("results")) == {"cnn_mae": ["results/mine/network.safetensors"]}
    assert losses.stored(tmp_path / "nowhere") == {}
    for folder, found in ((None, []), (tmp_path, [str(file)])):
        weights = {entry["name"]: entry["weights"] for entry in losses.listing(folder)}
        assert weights["ccmae"] == {"cnn_mae": found, "unet_mae": []}
        assert weights["original"] == {}
    assert losses.listing() == losses.listing(None)


@pytest.mark.parametrize("name", plugins.names("losses"))
def test_every_loss_says_in_one_sentence_what_it_rewards(name: str) -> None:
    [entry] = [entry for entry in losses.listing() if entry["name"] == name]
    text = entry["rewards"]
    assert text[0].isupper() and text[-1] == "." and ". " not in text and 40 < len(text) < 120
