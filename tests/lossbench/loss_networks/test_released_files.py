"""Files of the masked autoencoders that have a release: names, the parts that they fill, and files that do not fit."""

import re
from pathlib import Path

import pytest
import torch
from _loss_networks import tiny

from lossbench.errors import UserError
from lossbench.plugins import load

LAYERS = {
    "mae": ["norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"],
    "mae_st": ["norm1", "attn.q", "attn.k", "attn.v", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"],
}
TABLES = {
    "mae": ["cls_token", "pos_embed", "mask_token", "decoder_pos_embed"],
    "mae_st": [
        "mask_token",
        *("cls_token", "pos_embed_spatial", "pos_embed_temporal", "pos_embed_class"),
        *("decoder_cls_token", "decoder_pos_embed_spatial", "decoder_pos_embed_temporal", "decoder_pos_embed_class"),
    ],
}
OTHER_SHAPE = {
    "mae": ({"bands": 4}, "(16, 4, 8, 8)"),
    "mae_st": ({"tube": 4}, "(16, 3, 4, 8, 8)"),
}
"""A size that fits in no released file, and the shape of its embedding."""
KEYS = pytest.mark.parametrize(("name", "key"), [("mae", "model"), ("mae_st", "model"), ("mae_st", "model_state")])


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_parameters_bear_the_names_of_the_release(name: str) -> None:
    modules = ["patch_embed.proj", "norm", "decoder_embed", "decoder_norm", "decoder_pred"]
    modules += [f"{blocks}.0.{layer}" for blocks in ("blocks", "decoder_blocks") for layer in LAYERS[name]]
    names = {f"{module}.{kind}" for module in modules for kind in ("weight", "bias")}
    assert set(tiny(name).state_dict()) == names | set(TABLES[name])


@KEYS
def test_released_files_fill_the_encoder_or_everything(name: str, key: str, tmp_path: Path) -> None:
    released, path = tiny(name, seed=3).state_dict(), tmp_path / "released.pth"
    encoder = {part: tensor for part, tensor in released.items() if "decoder" not in part and part != "mask_token"}
    for content in (encoder, released):
        torch.save({key: content}, path)
        module = tiny(name)
        untouched = module.decoder_pred.weight.clone()
        load("loss_networks", name).import_weights(module, path)
        assert all(torch.equal(module.state_dict()[part], tensor) for part, tensor in content.items())
        assert torch.equal(module.decoder_pred.weight, untouched) == (content is encoder)


@KEYS
def test_released_files_that_do_not_fit_are_named(name: str, key: str, tmp_path: Path) -> None:
    path = tmp_path / "released.pth"

    def refused(message: str) -> None:
        with pytest.raises(UserError, match=f"{path} {message}"):
            load("loss_networks", name).import_weights(tiny(name), path)

    refused("cannot be read .No such file")
    changes, shape = OTHER_SHAPE[name]
    torch.save({key: tiny(name, **changes).state_dict()}, path)
    refused(rf"does not fit .*patch_embed.proj.weight is float32 {re.escape(shape)}")
    state = tiny(name).state_dict()
    state["norm.scale"] = state.pop("norm.weight")
    torch.save({key: state}, path)
    refused("does not fit .*missing norm.weight; unexpected norm.scale")
    last = {"mae": "model", "mae_st": "model_state"}[name]
    for content in (state, {key: [1, 2]}, {key: {"norm.weight": 1.0}}, [state]):
        torch.save(content, path)
        refused(f"has no named weights under '{last}'")
    path.write_bytes(path.read_bytes()[:1000])
    refused("is damaged or holds more than weights")
