"""Targeted attacks inside an L2 ball, and the loss that trains against them (robust-perceptual paper, section 1.2)."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

PAIRING = 0.5
"""Weight of adversarial logit pairing in the paper (section 2) and in Kannan et al., 2018, on ImageNet."""
TINY = 1e-12
"""A shorter gradient has no direction and moves nothing."""


def perturb(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    radius: float,
    steps: int,
    step_size: float | None = None,
    targeted: bool = True,
    random_start: bool = False,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Return `images` (N, C, H, W) in [0, 1] changed by at most `radius` (L2 norm of each image) to deceive `model`.

    Projected gradient descent (eq. 3): `steps` times a step of the length `step_size` along the gradient of the
    cross-entropy, normalised in each image, then the projection onto the ball and the clamp to [0, 1]; the last iterate
    is returned. The default step is 2 radius / steps, which the printed 0.155 of 50 steps at 3.88 follows. `targeted`
    descends to the classes `targets` (N,); otherwise these are the true ones, and the attack ascends. `random_start`
    begins at a point drawn from the ball by `generator` instead of at the image.

    The model maps images in [0, 1] to logits. It is in evaluation mode during the attack, and what it learns from, its
    parameters' gradients, its statistics and its modes, is afterwards as it was.
    """
    length = step_size if step_size is not None else 2 * radius / max(steps, 1)
    origin = images.detach()
    current = origin
    if random_start:
        if generator is None:
            raise ValueError("a random start needs a generator")
        current = (origin + _in_ball(origin, radius, generator)).clamp(0, 1)
    with attacked(model):
        for _ in range(steps):
            gradient = _gradient(model, current, targets)
            step = length * normalised(gradient)
            current = projected(current - step if targeted else current + step, origin, radius)
    return current


@contextmanager
def attacked(model: nn.Module) -> Iterator[None]:
    """Put `model` in evaluation mode and out of reach of gradients for the block; restore every module and parameter.

    Gradients with respect to the images are enabled in the block.
    """
    modes = [(module, module.training) for module in model.modules()]
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.eval()
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        with torch.enable_grad():
            yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
        # not train(mode), which would carry a parent's mode to its children
        for module, mode in modes:
            module.training = mode


def projected(images: Tensor, origin: Tensor, radius: float) -> Tensor:
    """Return the points of the ball of `radius` about each of `origin` nearest to `images`, clamped to [0, 1].

    The clamp brings an image no farther from an origin that lies in [0, 1] itself.
    """
    change = images - origin
    factor = (radius / norms(change).clamp_min(TINY)).clamp_max(1)
    return (origin + factor * change).clamp(0, 1)


def normalised(gradient: Tensor) -> Tensor:
    """Return (N, C, H, W) with the L2 norm 1 in each image; one without a gradient stays 0."""
    return gradient / norms(gradient).clamp_min(TINY)


def norms(images: Tensor) -> Tensor:
    """Return the L2 norm of each of `images` (N, C, H, W) as (N, 1, 1, 1)."""
    found: Tensor = torch.linalg.vector_norm(images, dim=(1, 2, 3), keepdim=True)
    return found


def random_wrong_class(labels: Tensor, classes: int, generator: np.random.Generator) -> Tensor:
    """Return for each of `labels` (N,) another of `classes` classes, each with the same probability."""
    offset = torch.from_numpy(generator.integers(1, classes, size=len(labels))).to(labels.device)
    return (labels + offset) % classes


def scaled_radius(radius: float, from_side: int, to_side: int) -> float:
    """Return the L2 radius that changes a pixel of `to_side` x `to_side` images as much as `radius` at `from_side`.

    The paper's radii are one root mean square of all pixels and bands: 0.015 (5.82, training) and 0.010 (3.88,
    evaluation) at 224 pixels, 0.012 (1.33, R-LPIPS) at 64. The norm grows with the square root of the number of
    values, here with the side.
    """
    return radius * to_side / from_side


def logit_pairing(clean_logits: Tensor, adversarial_logits: Tensor) -> Tensor:
    """Return the mean over images of the squared distance of their logits (N, d) over d (eq. 4), in float32."""
    return F.mse_loss(adversarial_logits.float(), clean_logits.float())


def adversarial_terms(clean_logits: Tensor, adversarial_logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Return the terms of adversarial training: cross-entropy `clean` and `adversarial`, and `pairing`."""
    return {
        "clean": F.cross_entropy(clean_logits.float(), labels),
        "adversarial": F.cross_entropy(adversarial_logits.float(), labels),
        "pairing": logit_pairing(clean_logits, adversarial_logits),
    }


def adversarial_loss(terms: dict[str, Tensor], pairing: float = PAIRING) -> Tensor:
    """Return the mean of both cross-entropies plus `pairing` times the pairing of `adversarial_terms`.

    The paper leaves open how it mixes clean and adversarial images; Kannan et al. take half of each.
    """
    return (terms["clean"] + terms["adversarial"]) / 2 + pairing * terms["pairing"]


def _gradient(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    images = images.detach().requires_grad_(True)
    # the sum keeps the images of a batch apart
    loss = F.cross_entropy(model(images).float(), targets, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, images)
    return gradient


def _in_ball(images: Tensor, radius: float, generator: np.random.Generator) -> Tensor:
    """Draw a change of each image, uniform in the ball."""
    direction = torch.from_numpy(generator.standard_normal(images.shape)).to(images)
    share = generator.random((len(images), 1, 1, 1)) ** (1 / math.prod(images.shape[1:]))
    return normalised(direction) * torch.from_numpy(radius * share).to(images)
