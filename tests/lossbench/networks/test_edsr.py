"""EDSR against its published layer table and the authors' arithmetic."""

import pytest
import torch
from _networks import Layer, assert_layers, filled, run_recorded, summary, waves

from lossbench.networks import build, parameter_count


@pytest.mark.parametrize(("scale", "upsampler"), [(2, [256]), (3, [576]), (4, [256, 256])])
def test_edsr_runs_the_published_layers_in_order(scale: int, upsampler: list[int]) -> None:
    layers, _ = run_recorded(build("edsr", scale=scale), waves(4, 4))
    body = [Layer(3, 64, 64, 1, 1)] * 33
    enlarging = [Layer(3, 64, outputs, 1, 1) for outputs in upsampler]
    assert_layers(layers, [Layer(3, 3, 64, 1, 1), *body, *enlarging, Layer(3, 64, 3, 1, 1)])


def test_each_part_of_edsr_has_the_size_that_the_layer_table_gives() -> None:
    with torch.device("meta"):
        network = build("edsr", scale=4)
    counts = {name: parameter_count(part) for name, part in network.named_children()}
    body = 16 * 2 * (64 * 64 * 9 + 64) + (64 * 64 * 9 + 64)
    assert counts == {"head": 1_792, "body": body, "upsampler": 2 * (64 * 256 * 9 + 256), "tail": 1_731}
    assert body == 33 * 36_928


@pytest.mark.parametrize(
    ("scale", "golden"),
    [
        (2, [0.376416, 0.03483, 0.382942, 0.326647, 0.431883, 0.324519]),
        (3, [0.375636, 0.141428, 0.379353, 0.31723, 0.454167, 0.482068]),
        (4, [0.424264, 0.060566, 0.343282, 0.456672, 0.472022, 0.442011]),
    ],
)
def test_edsr_computes_what_the_x255_form_of_its_authors_computes(scale: int, golden: list[float]) -> None:
    # golden values: the torchsr implementation, which follows the authors', with biases 255 times as large
    low_quality = waves(11, 9)
    network = filled(build("edsr", scale=scale, channels=8, blocks=3, residual_scale=0.5, mean_shift=True), low_quality)
    with torch.no_grad():
        assert summary(network(low_quality)) == pytest.approx(golden, abs=2e-5)


def test_pixels_times_255_give_the_same_picture_when_biases_are_multiplied_too() -> None:
    network = build("edsr", scale=2, channels=8, blocks=2)
    low_quality = waves(6, 7)
    with torch.no_grad():
        expected = network(low_quality)
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.mul_(255)
        torch.testing.assert_close(network(low_quality * 255) / 255, expected, atol=1e-5, rtol=0)


def test_the_mean_shift_is_fixed_saved_and_off_unless_asked_for() -> None:
    plain, shifted = build("edsr", channels=4, blocks=1), build("edsr", channels=4, blocks=1, mean_shift=True)
    assert list(dict(plain.named_buffers())) == []
    mean = dict(shifted.named_buffers())["mean"]
    torch.testing.assert_close(mean, torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1), atol=0, rtol=0)
    assert "mean" in shifted.state_dict()
    for parameter in shifted.parameters():
        parameter.data.zero_()
    # a network that computes nothing leaves the mean colour
    torch.testing.assert_close(shifted(waves(2, 3)), mean.expand(1, 3, 8, 12))


def test_a_residual_scale_of_zero_leaves_the_blocks_without_effect() -> None:
    silent = build("edsr", scale=2, channels=4, blocks=3, residual_scale=0.0)
    short = build("edsr", scale=2, channels=4, blocks=0)
    values = [value for name, value in silent.state_dict().items() if "residual" not in name]
    short.load_state_dict(dict(zip(short.state_dict(), values, strict=True)))
    torch.testing.assert_close(silent(waves(5, 5)), short(waves(5, 5)), atol=0, rtol=0)
