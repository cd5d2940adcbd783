"""Losses on the tokens of a transformer encoder, with the settings that the MAE paper leaves open."""

from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from lossbench.errors import UserError, nearest, quoted
from lossbench.loss_networks import TokenEncoder
from lossbench.losses._draws import uniform
from lossbench.losses._features import FeatureLoss, drawn_network, loss_network

TOKEN_ORDERS = ("aligned", "shuffled")
REDUCTIONS = ("mean", "sum")


def shuffled(tokens: Tensor, fixed: int, generator: torch.Generator | None) -> Tensor:
    """Return tokens (N, L, D) permuted at random, each image on its own, the first `fixed` tokens left in place.

    The permutation is that of random masking (He et al. 2022): the order of uniform noise, drawn on the CPU from
    `generator` or from torch's global one.
    """
    movable = tokens[:, fixed:]
    noise = uniform(movable.shape[0], movable.shape[1], generator)
    order = noise.argsort(dim=1).to(tokens.device)
    return torch.cat([tokens[:, :fixed], movable.gather(1, order[..., None].expand_as(movable))], dim=1)


def encode(network: TokenEncoder, image: Tensor, **settings: Any) -> Tensor:
    """Return the tokens (N, L, D) of an image; `settings` are those of `TokenEncoder.encode`."""
    return network.encode(image, **settings)


def encode_shuffled(
    network: TokenEncoder, image: Tensor, *, generator: torch.Generator | None, class_token: bool, **settings: Any
) -> Tensor:
    """Return the tokens in an order of each image's own, the class token first where it is asked for."""
    return shuffled(encode(network, image, class_token=class_token, **settings), int(class_token), generator)


def build_loss(
    name: str,
    kinds: tuple[str, ...],
    /,
    pixel: str | None = "l1",
    weight: float = 1.0,
    weights: Path | str | None = None,
    token_order: str = "aligned",
    class_token: bool = False,
    layer: int | None = None,
    norm: bool = True,
    reduction: str = "mean",
    generator: torch.Generator | None = None,
    precision: str = "exact",
    every: int = 1,
    *,
    drawn: bool,
    architecture: dict[str, Any] | None = None,
    seed: int = 0,
) -> FeatureLoss:
    """Build the loss `name`: `pixel` + `weight` * the same distance of the tokens of a loss network of `kinds`.

    With `pixel` None it is the feature term alone, by L1. The network is the one stored in `weights`. One that is
    `drawn` has weights from `seed` instead, and the given `architecture` or that of the network in `weights`: a control
    differs in its weights alone.

    The paper says no more of the features than "encoder" (MAE paper, eq. 2), hence the settings:
    - `token_order`: `aligned` compares the tokens of the same patch, what eq. 2 means. `shuffled` is an ablation:
      public traces of the authors' code call the MAE with mask ratio 0, which still permutes the tokens, on its own for
      prediction and target, so that different patches are compared and only the class token is aligned. Zero at
      equality does not hold then: the term of an image and itself is the distance between two of its patches, on
      average. The permutations, the target's first, are drawn at each call on the CPU from `generator`, or from torch's
      global one when that is None.
    - `class_token`: whether the class token is compared too. Those traces do; the paper speaks of patches alone, so it
      is left out by default.
    - `layer`: how many blocks of the encoder are run, all of them when None (the traces' final features). Our ablation.
    - `norm`: whether the encoder's last normalisation (He et al. 2022) is applied, as in those traces, also after fewer
      blocks. Without it features are not of order one, and `weight` means something else.
    - `reduction`: `mean` over all numbers of the tokens, as of the pixels; or `sum` over those of an image and the mean
      over images, a norm that is not divided. Eq. 2 writes a norm and no more.
    - `precision`: a key of `PRECISIONS`, the arithmetic of the loss network.
    - `every`: k, where the feature term is in every k-th step alone, k times as heavy there. Not of the paper.

    Raises UserError for a value that is none of these, a layer that the network has not, and weights that are absent or
    of another kind.
    """
    if drawn:
        network = drawn_network(name, kinds[0], architecture, weights, seed)
    else:
        network = loss_network(name, kinds, weights)
    if token_order not in TOKEN_ORDERS:
        raise UserError(
            f"loss '{name}': unknown token_order '{token_order}'; {nearest(str(token_order), TOKEN_ORDERS)}"
        )
    if token_order == "shuffled" and precision == "difference":
        raise UserError(
            f"loss '{name}': token_order 'shuffled' compares different patches, which precision 'difference' can't;"
            " choose 'exact' or 'fast'"
        )
    if reduction not in REDUCTIONS:
        raise UserError(f"loss '{name}': unknown reduction '{reduction}'; {nearest(str(reduction), REDUCTIONS)}")
    for setting, value in (("class_token", class_token), ("norm", norm)):
        if not isinstance(value, bool):
            raise UserError(f"loss '{name}': {setting} = {quoted(value)} is neither true nor false; write one of them")
    try:
        cast(TokenEncoder, network).check_layer(layer)
    except UserError as error:
        raise UserError(f"loss '{name}': {error}") from None
    # made of functions of this module alone, so that a loss can be pickled
    features = partial(encode, class_token=class_token, layer=layer, norm=norm)
    if token_order == "shuffled":
        features = partial(encode_shuffled, class_token=class_token, layer=layer, norm=norm, generator=generator)
    settings: dict[str, Any] = {"pixel": pixel, "weight": weight, "precision": precision, "every": every}
    return FeatureLoss(name, network, features, reduction=reduction, **settings)
