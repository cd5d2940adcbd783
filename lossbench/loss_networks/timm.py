"""Any image network of the package timm, up to a layer of it: features of a perceptual loss."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from lossbench.assets.hub_client import hub_client, reason
from lossbench.assets.optional import imported
from lossbench.errors import UserError
from lossbench.loss_networks import Sizes
from lossbench.loss_networks._bands import BAND_MEAN, BAND_STD, Normalising
from lossbench.loss_networks._size import checked, grown, padded
from lossbench.loss_networks._wrapped import unwrapped
from lossbench.storage import fill

VERSIONS_OF = ("timm",)
SOURCE = "Wightman, PyTorch Image Models (timm); features of a layer as in Johnson et al. 2016"
PUBLISHED: Sizes = {
    "ResNet-50": {"model": "resnet50", "layer": "layer2"},
    "ConvNeXt-T": {"model": "convnext_tiny", "layer": "stages.1"},
    "ViT-B/16": {"model": "vit_base_patch16_224", "layer": "blocks.5"},
}
PARAMETERS = {"ResNet-50": 23_508_032, "ConvNeXt-T": 27_820_128, "ViT-B/16": 85_798_656}
"""Of the published sizes; building them to count would import timm, which takes ten seconds."""

OWNER = "loss network 'timm'"
LEAST = 32
"""Side in pixels to which smaller images are enlarged: these networks halve an image five times."""


def build(model: str = "resnet50", layer: str = "layer2", bands: int = 3) -> Timm:
    """Build `model` without its classifier, with random weights from torch's global generator.

    `model` is a name of timm, with or without the tag of the weights (`resnet50.a1_in1k`), which decides the mean and
    deviation that normalise the image; those of images that are not RGB are averaged over bands. `layer` is the name of
    any part (`layer2`, `stages.1`, `blocks.5`): of its output a loss is made. Raises UserError, with the nearest
    matches, for an unknown model or layer, and for a model that takes images of one size only.
    """
    network = Timm(_created(model, bands), model, bands)
    network.check_layer(layer)
    return network


class Timm(Normalising):
    """A model of timm that takes images of any size, whole for its weights or cut behind one layer for its features."""

    def __init__(self, model: nn.Module, title: str, bands: int) -> None:
        """Wrap a model of timm; `title` is for messages."""
        configuration: Any = model.pretrained_cfg
        own = configuration["mean"], configuration["std"]
        super().__init__(bands, *(own if bands == 3 else ((BAND_MEAN,) * bands, (BAND_STD,) * bands)))
        self.model, self.title = model, title
        patch = getattr(getattr(model, "patch_embed", None), "patch_size", 1)
        self.multiple = patch if isinstance(patch, int) else max(patch)
        head = configuration.get("classifier") or ()
        self.heads = tuple(f"{name}." for name in ((head,) if isinstance(head, str) else head))
        # what changes its input in place would change features that are compared, and differences of them
        for part in model.modules():
            if hasattr(part, "inplace"):
                part.inplace = False  # type: ignore[assignment]

    def check_layer(self, layer: str) -> None:
        """Raise UserError with the nearest match unless the whole model has a part called `layer`."""
        parts = [name for name, _ in self.model.named_modules() if name]
        if layer not in parts:
            top = ", ".join(name for name, _ in self.model.named_children())
            raise UserError(f"layer: '{self.title}' has no '{layer}'; {_near(layer, parts)}it consists of {top}")

    def cut(self, layer: str) -> None:
        """Keep what the output of `layer` needs and drop all else; the network is then no longer a whole one.

        Raises UserError for an unknown layer, and where torch.fx can't follow the model to it.
        """
        timm = imported("timm", OWNER)
        self.check_layer(layer)
        try:
            both = timm.models.create_feature_extractor(self.model, {layer: "features"})
        # a model may do anything to what stands for an image here
        except Exception as error:
            raise UserError(
                f"layer: '{self.title}' can't be cut at '{layer}' by torch.fx ({type(error).__name__}); choose another"
            ) from None
        # alone, since the graph of training has dropout
        self.model = fx.GraphModule(both, both.eval_graph)

    def features(self, image: Tensor) -> Tensor:
        """Return the output of the layer at which the network was cut, of images (N, bands, H, W) in [0, 1].

        It is a map (N, D, h, w) or, in transformers, tokens (N, L, D), in some models (N, h, w, D). Images are enlarged
        at the right and bottom to 32 x 32 pixels and to whole patches.
        """
        image = padded(grown(checked(image, self.bands), LEAST, LEAST), self.multiple)
        found: dict[str, Tensor] = self.model(self.normalised(image))
        return found["features"]


def import_weights(module: Timm, path: Path) -> None:
    """Fill `module` from a file of timm (.safetensors, or .bin and .pth), less the classifier.

    It may also be a training state, or one of MadryLab's `robustness` library (`_wrapped.unwrapped`), whose
    ResNet-50 is timm's. Raises UserError naming the file when it is missing, damaged, holds more than weights, does not
    fit, or expects images normalised otherwise.
    """
    released = unwrapped(path, module).items()
    # how many batches a normalisation saw: older files have it not, and nothing reads it
    unread = {name: tensor for name, tensor in module.state_dict().items() if name.endswith(".num_batches_tracked")}
    trunk = {f"model.{name}": tensor for name, tensor in released if not name.startswith(module.heads)}
    fill(module, {**unread, **trunk}, path)


def full_name(name: str) -> str:
    """Return the model `name` with the tag of its weights, timm's usual one where it has none.

    Raises UserError, with the nearest matches, for an unknown model or tag, and for a model without weights.
    """
    timm = imported("timm", OWNER)
    base, tags = _known(name)
    if "." in name:
        return name
    usual = f"{base}.{timm.get_pretrained_cfg(base).tag}" if tags else ""
    if usual not in tags:
        raise UserError(f"model: timm has no weights of '{name}'; choose one of timm.list_pretrained()")
    return usual


class Origin(NamedTuple):
    """Whose weights those of timm's hub are."""

    source: str
    licence: str
    non_commercial: bool


def origin(name: str) -> Origin:
    """Return whose weights timm's hub has of the model `name`, a full name, as timm states it."""
    timm = imported("timm", OWNER)
    stated = timm.get_pretrained_cfg(name)
    hub = stated.hf_hub_id or ""
    # an owner's name stands for the model of that owner
    place = f"{hub}{name}" if hub.endswith("/") else hub or stated.url or "timm's own place"
    licence = stated.license or "not stated by timm"
    # as SPDX writes it
    return Origin(f"timm {timm.__version__}, {place}", licence, "-nc" in licence.lower())


def fill_from_hub(module: Timm) -> None:
    """Fill `module` with the weights that timm's hub has of its model; timm downloads and keeps them.

    Raises UserError where they can't be had.
    """
    with hub_client() as unreachable:
        try:
            released = _created(module.title, module.bands, pretrained=True)
        except UserError:
            raise
        # whatever a download or a client of a hub raises
        except Exception as error:
            raise UserError(
                f"timm:{module.title}: its weights can't be had from timm's hub ({reason(unreachable, error)}); where "
                f"there is a network run: lossbench fetch weights timm:{module.title}, or import a file that you have: "
                f"lossbench import_weights FILE --as timm --set model={module.title}"
            ) from None
    module.model.load_state_dict(released.state_dict())


def _known(name: str) -> tuple[str, list[str]]:
    """Return the model `name` without its tag, and the names with tags that timm has of it."""
    timm = imported("timm", OWNER)
    base = name.partition(".")[0]
    if not timm.is_model(base):
        raise UserError(f"model: timm has no '{name}'; {_near(base, timm.list_models())}timm.list_models() names all")
    tags: list[str] = timm.list_pretrained(f"{base}.*")
    if "." in name and name not in tags:
        raise UserError(f"model: timm has no weights '{name}'; {_near(name, tags)}timm.list_pretrained() names all")
    return base, tags


def _created(name: str, bands: int, pretrained: bool = False) -> Any:
    timm = imported("timm", OWNER)
    _known(name)
    # real even under the meta device: models compute tables that no file fills
    with torch.device("cpu"):
        given = {"pretrained": pretrained, "num_classes": 0, "in_chans": bands}
        try:
            return timm.create_model(name, **given, dynamic_img_size=True)
        except TypeError:
            # a model without positions of its own takes any size as it is
            model = timm.create_model(name, **given)
    if model.pretrained_cfg.get("fixed_input_size"):
        height, width = model.pretrained_cfg["input_size"][1:]
        raise UserError(
            f"model: '{name}' takes only {height} x {width} pixels; choose one that takes images of any size"
        )
    return model


def _near(name: str, known: Iterable[str]) -> str:
    """Say which three of `known` are nearest to `name`, if any are; there are too many to list."""
    found = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(map(repr, found))}? " if found else ""
