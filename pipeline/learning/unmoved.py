"""Weights that a training never moved: what nothing reached keeps its random start, and acts on pictures."""

from torch import Tensor, nn

LEAST_SHARE = 0.01
"""Of a layer's weights; fewer are not named."""
LAYERS = "torch.nn.modules."
"""Where the layers that are looked at come from. What holds weights in a way of its own may not use all of them, such
as the triangles of an invertible mixing, which are stored as whole matrices."""


def weights_of(model: nn.Module) -> dict[str, list[Tensor]]:
    """Return copies on the CPU of the trainable weights of `model`, a list a layer."""
    found = {}
    for name, layer in model.named_modules():
        kinds = type(layer).__mro__[: type(layer).__mro__.index(nn.Module)]
        own = [weight for weight in layer.parameters(recurse=False) if weight.requires_grad]
        if own and any(kind.__module__.startswith(LAYERS) for kind in kinds):
            found[name] = [weight.detach().to("cpu", copy=True) for weight in own]
    return found


def unmoved(first: dict[str, list[Tensor]], last: dict[str, list[Tensor]]) -> dict[str, float]:
    """Return the share of the weights that are bit for bit the same in both, by layer, above `LEAST_SHARE`.

    The largest comes first.
    """
    shares = {}
    for name, begun in first.items():
        same = sum(int((a == b).sum()) for a, b in zip(begun, last[name], strict=True))
        shares[name] = same / sum(weight.numel() for weight in begun)
    found = {name: round(share, 4) for name, share in shares.items() if share > LEAST_SHARE}
    return dict(sorted(found.items(), key=lambda item: -item[1]))
