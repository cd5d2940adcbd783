"""`pyiqa:NAME`: a quality model of the package pyiqa, under its non-commercial licence, as a metric."""

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from lossbench.assets import pyiqa_models
from lossbench.errors import UserError
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

VERSIONS_OF = ("pyiqa",)
"""Packages whose versions are part of the fingerprint of whatever imports this."""


@dataclass(frozen=True)
class PyiqaMetric:
    """One model, with all that a file of this folder says of its metric."""

    model: pyiqa_models.Model
    better: Better
    needs_target: bool
    SOURCE: str
    """Its name in pyiqa with the package's version and licence."""
    unit: ClassVar[str] = ""
    colours: ClassVar[tuple[Colour, ...]] = ("rgb",)
    OVER: ClassVar[Over] = "picture"

    def score(self, prediction: Pixels, target: Any, protocol: Protocol) -> float:
        """Return what pyiqa gives RGB pictures (3, H, W) in [0, 1] after crop and rounding of `protocol`.

        One band is repeated to three. Any conversion of colours is the model's own. Raises UserError as Protocol.apply,
        where the weights cannot be downloaded, and for pictures that the model does not take.
        """
        import torch

        pair = protocol.pair(prediction, target) if self.needs_target else (protocol.apply(prediction, "prediction"),)
        coloured = [np.repeat(picture, 3, axis=0) if len(picture) == 1 else picture for picture in pair]
        pictures = [(picture[None] / 255).astype(np.float32) for picture in coloured]
        network, device = _placed(self.model)
        try:
            with torch.no_grad():
                found = network(*(torch.from_numpy(picture).to(device) for picture in pictures))
        # whatever a network raises for a size or a number of bands
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"pyiqa refuses the picture ({type(error).__name__}: {reason})") from None
        value = float(found[0] if isinstance(found, tuple) else found)
        if not np.isfinite(value):
            raise UserError(f"pyiqa gives {value}; the model is not defined for this picture")
        return value


def metric(name: str) -> PyiqaMetric:
    """Return the metric of the name `pyiqa:NAME`; raises UserError as `pyiqa_models.named`."""
    model = pyiqa_models.named(name)
    assert model is not None, name
    return PyiqaMetric(model, "down" if model.lower_better else "up", model.needs_target, model.source)


@cache
def _placed(model: pyiqa_models.Model) -> tuple[Any, str]:
    """Return the network of `model` on the GPU where there is one, made once a process."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return pyiqa_models.made(model).eval().to(device), device
