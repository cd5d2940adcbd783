"""Stage pretrain without training: take public weights from a file, check them, store them as a loss network."""

import json
from pathlib import Path

import torch

from lossbench import loss_networks
from lossbench.assets.weight_files import checked_digest, locate
from lossbench.errors import UserError
from lossbench.files import write_text
from pipeline.command import run
from pipeline.outputs.provenance import provenance
from pipeline.specs.pretrain import PretrainSpec


def main(spec: PretrainSpec, code: str, weights_root: Path, output: Path) -> None:
    """Write `network.safetensors` and `card.json` to `output`.

    Raises UserError when the file is missing, has another digest than the spec, or does not fit the network, and for a
    network that public weights do not exist for; `output` is then untouched.
    """
    if spec.weights is None:
        raise UserError("the spec names no weights; a recipe goes through pipeline.pretrain")
    plugin = loss_networks.plugin(spec.loss_network)
    if not isinstance(plugin, loss_networks.ImportingPlugin):
        raise UserError(f"loss network '{spec.loss_network}' takes no public weights; give it a recipe")
    file = locate(spec.weights.file, weights_root)
    found = checked_digest(file, spec.weights.digest)
    # a released encoder leaves the decoder as it was drawn
    torch.manual_seed(spec.seed)
    network = loss_networks.build(spec.loss_network, **spec.architecture)
    plugin.import_weights(network, file)
    card = {**provenance(spec, code), "weights_digest": found}
    loss_networks.save(network, output / "network.safetensors", card)
    write_text(output / "card.json", json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    run(main)
