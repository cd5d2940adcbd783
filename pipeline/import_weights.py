"""Stage pretrain without training: take public weights from a file, check them, store them as a loss network."""

import json
from pathlib import Path

from lossbench import loss_networks
from lossbench.assets.weight_files import locate
from lossbench.errors import UserError
from lossbench.files import write_text
from lossbench.weights.importing import check_importing, imported
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
    check_importing(spec.loss_network)
    file = locate(spec.weights.file, weights_root)
    network, found = imported(spec.loss_network, spec.architecture, spec.seed, file, spec.weights.digest)
    card = {**provenance(spec, code), "weights_digest": found}
    loss_networks.save(network, output / "network.safetensors", card)
    write_text(output / "card.json", json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    run(main)
