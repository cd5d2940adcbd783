"""The evidence lower bound of a variational auto-encoder, negative, in nats a picture."""

import torch
from torch import Tensor

from lossbench.terms import WeightedTerms


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, exp(log_variance)) || N(0, I)) of each picture (N,), from (N, latent) each.

    Source: Kingma and Welling, 'Auto-Encoding Variational Bayes', ICLR 2014, appendix B.
    """
    mean, log_variance = mean.float(), log_variance.float()
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(dim=1)


def drawn(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return latents (N, latent) of the Gaussian, given standard normal `noise` of that shape; gradients pass."""
    return mean + (0.5 * log_variance).exp() * noise


def negative_elbo(
    loss: WeightedTerms,
    prediction: Tensor,
    target: Tensor,
    mean: Tensor,
    log_variance: Tensor,
    step: int | None = None,
) -> dict[str, Tensor]:
    """Return the terms `reconstruction` and `kl`, whose sum is the negative bound: means over the pictures of a batch.

    The reconstruction is `loss` summed over the pixels and bands of a picture, so that neither its size nor the batch
    changes the weight of the divergence: `loss` is a mean over pixels, as those of `lossbench.losses` without a loss
    network are. Pictures are (N, C, H, W) in [0, 1]; `step` is that of the optimiser, for losses that ask for it.
    """
    pixels = target[0].numel()
    return {
        "reconstruction": pixels * loss(prediction, target, step),
        "kl": kl_divergence(mean, log_variance).mean(),
    }


def squared_errors(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the squared differences summed over the pixels and bands of each picture (N,)."""
    return torch.square(prediction.float() - target.float()).flatten(1).sum(dim=1)
