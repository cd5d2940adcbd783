"""What every loss network promises: counts, exact files, features of any size, and a pre-training that learns."""

from pathlib import Path
from typing import Any

import pytest
import torch
from _loss_networks import KEPT, TINY, assert_near, small, uniform
from hypothesis import given, settings
from hypothesis import strategies as st

from lossbench import loss_networks, plugins
from lossbench.errors import UserError
from lossbench.loss_networks._masking import patches, statistics

OTHERS: dict[str, dict[str, Any]] = {
    "inception": {},
    "resnet50": {"blocks": [1, 1, 1, 1]},
    "robust_lpips": {"widths": [4, 6, 8, 8, 8]},
    "vgg16": {"layout": "torchvision"},
    "vgg19": {},
}
SLOW = {"dists", "lpips", "timm", "videomae"}
"""They import a library that takes seconds: tests of their own hold them to the same."""
AUTOENCODERS = pytest.mark.parametrize("name", sorted(KEPT))
OF_IMAGES = pytest.mark.parametrize("name", sorted(name for name, kept in KEPT.items() if not kept.clips))
COUNTS: list[tuple[str, dict[str, Any], int, int | None, int]] = [
    ("cnn_mae", {}, 3_982_752, 334_400, 3),
    ("cnn_mae", {"bands": 4}, 3_982_752 + 288, 4_325_700 - (3_982_752 + 288) - 4, 4),
    ("cnn_mae", {"widths": [16, 32, 64, 128], "blocks": [1, 1, 1, 4]}, 701_040, None, 3),
    ("cnn_mae", {"widths": [48, 96, 192, 384], "blocks": [1, 2, 2, 9]}, 12_480_240, None, 3),
    ("mae", {"dimension": 768, "depth": 12, "heads": 12}, 85_798_656, 26_109_184, 0),
    ("mae", {"dimension": 1024, "depth": 24, "heads": 16}, 303_301_632, 26_240_256, 0),
    ("mae", {"dimension": 1280, "depth": 32, "heads": 16, "patch": 14}, 630_764_800, 26_309_708, 0),
    ("mae_st", {"dimension": 768, "depth": 12, "heads": 12}, 86_394_624, 13_504_256, 0),
    ("mae_st", {"dimension": 1024, "depth": 24, "heads": 16}, 304_096_256, 13_635_328, 0),
    ("unet_mae", {}, 451_296, 1_492_211 - 451_296, 0),
    ("unet_mae", {"bands": 4}, 451_584, 1_492_788 - 451_584, 0),
]
"""Published or stated sizes: parameters of the encoder, of the decoder where it is stated, and of neither."""


def count(parameters: Any) -> int:
    return sum(parameter.numel() for parameter in parameters)


def test_every_loss_network_is_held_to_it() -> None:
    found = {name for name in plugins.names("loss_networks") if name not in SLOW}
    assert found == KEPT.keys() | OTHERS.keys(), "give the new one a row here or in tests/_loss_networks.py"


@pytest.mark.parametrize(("name", "arguments", "encoder", "decoder", "other"), COUNTS, ids=str)
def test_every_size_has_its_number_of_parameters(
    name: str, arguments: dict[str, Any], encoder: int, decoder: int | None, other: int
) -> None:
    with torch.device("meta"):
        module: Any = loss_networks.build(name, **arguments)
    assert count(module.encoder_parameters()) == encoder
    if decoder is not None:
        assert count(module.decoder_parameters()) == decoder
        assert count(module.parameters()) == encoder + decoder + other


@AUTOENCODERS
def test_every_published_size_is_counted(name: str) -> None:
    counted = [arguments for of, arguments, *_ in COUNTS if of == name]
    assert all(arguments in counted for arguments in plugins.load("loss_networks", name).PUBLISHED.values())


@pytest.mark.parametrize("name", sorted({**KEPT, **OTHERS}))
def test_a_saved_network_loads_bit_for_bit_and_frozen(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    statistics = {"mean": [0.1, 0.2, 1 / 3], "std": [0.3, 0.2, 1 / 3]}
    module: Any = loss_networks.build(name, **({**KEPT[name].small, **statistics} if name in KEPT else OTHERS[name]))
    path, card = tmp_path / "folder" / "net.safetensors", {"data set": "demo", "steps": 7}
    loss_networks.save(module, path, card)
    loaded: Any
    loaded, found = loss_networks.load(path)
    assert found == card
    assert loaded.state_dict().keys() == module.state_dict().keys()
    assert all(torch.equal(loaded.state_dict()[key], value) for key, value in module.state_dict().items())
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    if name in KEPT:
        assert torch.equal(loaded.mean, module.mean)
        for steps, height, width in ((2, 32, 32), (1, 16, 24)):
            seen = KEPT[name].input(1, height, width, steps=steps)
            assert torch.equal(loaded.encode(seen), module.encode(seen))
    again = tmp_path / "again.safetensors"
    # the weights of clips have an axis more than this order knows
    other = loaded if name == "mae_st" else loaded.to(memory_format=torch.channels_last)
    loss_networks.save(other, again, found)
    assert again.read_bytes() == path.read_bytes()


@AUTOENCODERS
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_odd_sizes_and_any_bands_are_encoded(name: str, bands: int) -> None:
    kept, module = KEPT[name], small(name, bands=bands).requires_grad_(False)

    @given(steps=st.integers(1, 4), height=st.integers(8, 70), width=st.integers(8, 70))
    @settings(max_examples=12, deadline=None)
    def check(steps: int, height: int, width: int) -> None:
        seen = kept.input(1, height, width, bands, steps)
        features = module.encode(seen)
        assert features.shape == (1, *kept.shape(height, width, steps))
        assert bool(features.isfinite().all())
        frames = (2 * steps,) if kept.clips else ()
        assert module.cells(*frames, height, width) == kept.cells(height, width, steps)

    check()


@AUTOENCODERS
def test_the_smallest_input_is_encoded_and_a_smaller_or_other_one_refused(name: str) -> None:
    kept, module = KEPT[name], small(name)
    assert module.encode(kept.input(1, 8, 8, steps=1)).numel() > 0
    with pytest.raises(UserError, match="8 x 7 pixels"):
        module.encode(kept.input(1, 8, 7, steps=1))
    if kept.clips:
        for shape in ((1, 3, 16, 16), (1, 3, 4, 16, 16)):
            with pytest.raises(ValueError, match=r"the loss network takes \(N, T, 3, H, W\)"):
                module.encode(uniform(*shape))
    else:
        with pytest.raises(UserError, match=r"takes \(N, 3, H, W\)"):
            module.encode(uniform(1, 1, 8, 8))


@AUTOENCODERS
@pytest.mark.parametrize(("height", "width"), [(40, 40), (19, 16)])
def test_the_gradient_reaches_every_pixel(name: str, height: int, width: int) -> None:
    kept, module = KEPT[name], small(name).requires_grad_(False)
    seen = kept.input(1, height, width).requires_grad_()
    (module.encode(seen) - module.encode(kept.input(1, height, width, seed=2))).abs().mean().backward()
    assert seen.grad is not None
    assert bool(seen.grad.isfinite().all())
    assert bool((seen.grad.abs().amax(dim=-3) > 0).all())


@AUTOENCODERS
def test_a_batch_is_encoded_like_each_alone(name: str) -> None:
    kept, module = KEPT[name], small(name).requires_grad_(False)
    seen = kept.input(3, 40, 24)
    assert_near(module.encode(seen), torch.cat([module.encode(one) for one in seen.split(1)]))


@OF_IMAGES
def test_two_patches_that_change_places_change_more_than_the_order_of_features(name: str) -> None:
    kept, module = KEPT[name], small(name).requires_grad_(False)
    image = kept.input(1, 32, 32)
    swapped = image.clone()
    swapped[..., :16, :16], swapped[..., 16:, 16:] = image[..., 16:, 16:], image[..., :16, :16]
    features, others = module.encode(image), module.encode(swapped)
    if kept.tokens:
        features, others = features.transpose(1, 2), others.transpose(1, 2)
    features, others = features.flatten(2), others.flatten(2)
    assert not torch.allclose(features, others, atol=1e-3)
    assert not torch.allclose(features.sort(dim=2).values, others.sort(dim=2).values, atol=1e-3)


@AUTOENCODERS
def test_with_every_cell_visible_the_features_are_those_of_the_whole(name: str) -> None:
    kept, module = KEPT[name], small(name).requires_grad_(False)
    for height, width in ((35, 50), (16, 16)):
        seen = kept.input(2, height, width)
        mask = torch.ones(2, kept.cells(height, width), dtype=torch.bool)
        assert torch.equal(module.encode_visible(seen, mask), module.encode(seen))


@AUTOENCODERS
def test_hidden_cells_do_not_change_the_visible_features(name: str) -> None:
    kept, module = KEPT[name], small(name).requires_grad_(False)
    side = 2 * kept.cell
    seen, cells = kept.input(1, side, side), kept.cells(side, side)
    # the last step's cell of the first row and second column
    mask = torch.arange(cells)[None] != cells - 3
    changed = seen.clone()
    frames = changed[:, 2:] if kept.clips else changed
    frames[..., : kept.cell, kept.cell :] = 0
    features = module.encode_visible(seen, mask)
    whole = kept.shape(side, side)
    assert features.shape == ((1, cells - 1, kept.channels) if kept.tokens else (1, *whole))
    assert torch.equal(module.encode_visible(changed, mask), features)
    assert not torch.allclose(module.encode(changed), module.encode(seen), atol=1e-3)
    frames[..., : kept.cell, : kept.cell] = 0
    assert not torch.allclose(module.encode_visible(changed, mask), features, atol=1e-3)


@AUTOENCODERS
def test_every_weight_takes_part_in_pretraining(name: str) -> None:
    kept, module = KEPT[name], small(name)
    module.pretraining_loss(kept.input(2, 32, 48), uniform(2, kept.cells(32, 48))).backward()
    for key, parameter in module.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and float(parameter.grad.abs().max()) > 0, key


@AUTOENCODERS
def test_pretraining_learns_one_batch(name: str) -> None:
    kept, module = KEPT[name], small(name)
    side = 2 * kept.cell
    ramp, shape = torch.linspace(0, 1, side), kept.input(1, side, side).shape[1:]
    seen, noise = torch.stack([ramp.expand(shape), ramp[:, None].expand(shape)]), uniform(2, kept.cells(side, side))
    optimiser = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=kept.learning_rate)
    losses = []
    for _ in range(30):
        loss = module.pretraining_loss(seen, noise)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


@OF_IMAGES
@pytest.mark.parametrize("normalised_target", [False, True])
def test_a_reconstruction_keeps_visible_patches_to_the_bit(name: str, normalised_target: bool) -> None:
    module, image = small(name, normalised_target=normalised_target), uniform(2, 3, 35, 50)
    noise = uniform(2, module.cells(35, 50))
    masked, filled = module.reconstruct(image, noise)
    threshold = noise.sort(dim=1).values[:, int(noise.shape[1] * 0.25) - 1, None]
    grid = (noise <= threshold).reshape(2, 3, 4)
    visible = grid.repeat_interleave(16, 1).repeat_interleave(16, 2)[:, None, :35, :50].expand_as(image)
    assert torch.equal(masked[visible], image[visible])
    assert torch.equal(filled[visible], image[visible])
    assert torch.equal(masked[~visible], module.mean.expand_as(image)[~visible])
    assert not torch.equal(filled[~visible], masked[~visible])
    assert 0 <= float(filled.min()) <= float(filled.max()) <= 1
    assert not filled.requires_grad


@OF_IMAGES
def test_a_perfect_prediction_reconstructs_the_image(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, image = small(name, normalised_target=True), uniform(1, 3, 32, 48)
    noise = uniform(1, 6)
    truth = patches((image - module.mean) / module.std, 16)
    mean, deviation = statistics(truth)
    monkeypatch.setattr(module, "predict", lambda *_: ((truth - mean) / deviation, noise < 0.5))
    assert float(module.pretraining_loss(image, noise)) == pytest.approx(0, abs=1e-12)
    assert_near(module.reconstruct(image, noise)[1], image, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("cnn_mae", {"blocks": (1, 1)}, "blocks: 2 stages, widths has 4"),
        ("cnn_mae", {"cell": 12}, "cell: 12 is not a multiple of the encoder's stride 8"),
        ("cnn_mae", {"std": [1.0]}, "std: 1 values for 3 bands"),
        ("mae", {"image_size": 20}, "image_size: 20 is not a multiple of patch 8"),
        ("mae", {"heads": 3}, "dimension: 16 is not a multiple of 4 and of its 3 heads"),
        ("mae", {"positions": "windows"}, "did you mean 'window'"),
        ("mae", {"mask_ratio": 1.0}, "mask_ratio: 1.0"),
        ("mae", {"bands": 4, "mean": [0.5] * 3}, "mean: 3 values for 4 bands"),
        ("mae_st", {"image_size": 20}, "image_size: 20 is not a multiple of patch 8"),
        ("mae_st", {"frames": 5}, "frames: 5 is not a multiple of tube 2"),
        ("mae_st", {"heads": 3}, "dimension: 16 is not a multiple of its 3 heads"),
        ("mae_st", {"positions": "windows"}, "did you mean 'window'"),
        ("mae_st", {"mask_ratio": 1.0}, "mask_ratio: 1.0"),
        ("mae_st", {"bands": 4, "mean": [0.5] * 3}, "mean: 3 values for 4 bands"),
        ("unet_mae", {"cell": 6}, "cell: 6 is not a multiple of the encoder's stride 4"),
        ("unet_mae", {"channels": 1}, "channels: 1; choose at least 2"),
        ("unet_mae", {"std": [1.0]}, "std: 1 values for 3 bands"),
        ("unet_mae", {"mask_ratio": 0.0}, "mask_ratio: 0.0"),
        ("vgg16", {"layout": "torch"}, "unknown layout 'torch'; did you mean 'torchvision'"),
    ],
)
def test_settings_that_do_not_fit_are_named(name: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        loss_networks.build(name, **{**TINY.get(name, {}), **changes})
