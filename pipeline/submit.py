"""What the DND server scores: every crop restored, in the bundles of the benchmark's own kit."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench import datasets
from lossbench.datasets import ScoredByServer
from lossbench.errors import UserError
from lossbench.files import sha256, write_text, written_atomically
from pipeline.command import run
from pipeline.specs.evaluate import SubmitSpec

SCORED = "dnd"
"""The data set whose server takes bundles."""
RestoreCrop = Callable[[NDArray[np.float32]], NDArray[np.floating]]


def write_dnd(restore: RestoreCrop, root: Path, output: Path, origin: str = "") -> Path:
    """Restore the 1,000 crops of DND below `root` and write `output/bundled/{0001..0050}.mat`; return that folder.

    `restore` maps (512, 512, 3) float32 in [0, 1] to the same shape; its answer is clipped to [0, 1], where the ground
    truth lies. A file appears whole, and one that is there is not made again: an interrupted call goes on where it
    stopped. `origin` says what `restore` is (run folder, checksum of weights) and is kept in `output/bundled.json`;
    an output that another origin began is refused.

    The layout is that of `bundle_submissions_srgb` of the benchmark's Python kit (Plötz and Roth 2017): MATLAB v5,
    uncompressed, with `Idenoised`, a 1 x 20 cell of single (512, 512, 3) in the order of `info.mat`; `israw`, logical
    false; `eval_version`, '1.0'. The content of the folder is what is uploaded; the server itself was not tried.

    Raises UserError naming the file that is missing or damaged, the crop whose answer has another shape or is no
    number, an output of another origin, or a full disk.
    """
    from scipy.io import savemat

    dnd = datasets.load(SCORED)
    assert isinstance(dnd, ScoredByServer)
    dnd.locate(root)
    boxes = dnd.boxes(root)
    _claim(output / "bundled.json", origin)
    for image in range(1, dnd.images + 1):
        bundle = output / "bundled" / f"{image:04d}.mat"
        if bundle.exists():
            continue
        crops = dnd.crops(root, image, boxes[image - 1])
        restored = [_restored(restore, crop, image, box) for box, crop in enumerate(crops, start=1)]
        cells = np.empty((1, len(restored)), dtype=object)
        cells[0, :] = restored
        with written_atomically(bundle) as temporary:
            savemat(temporary, {"Idenoised": cells, "israw": False, "eval_version": "1.0"})
        print(f"submission/{SCORED}  {image}/{dnd.images} images", flush=True)
    return output / "bundled"


def _claim(card: Path, origin: str) -> None:
    """Note in `card` what restores, or check that it is what began the output."""
    if not card.exists():
        write_text(card, json.dumps({"origin": origin}) + "\n")
        return
    try:
        found = json.loads(card.read_text(encoding="utf-8"))["origin"]
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{card} is not a card of a submission; delete {card.parent} and rerun") from None
    if found != origin:
        raise UserError(f"{card}: begun by '{found}', not by '{origin}'; choose another output or delete this one")


def _restored(restore: RestoreCrop, crop: NDArray[np.float32], image: int, box: int) -> NDArray[np.float32]:
    answer = np.asarray(restore(crop), dtype=np.float32)
    if answer.shape != crop.shape or not np.isfinite(answer).all():
        fault = f"shape {answer.shape} for {crop.shape}" if answer.shape != crop.shape else "values that are no numbers"
        raise UserError(f"image {image:04d}, box {box}: the network answers {fault}; restore with another network")
    return np.clip(answer, 0, 1)


def main(spec: SubmitSpec, code: str, *, model: Path, output: Path, threads: int = 1) -> None:
    """Restore the test set of `spec` with the trained network in `model`, and list the bundles in `submission.json`.

    Raises UserError as `write_dnd` does, and when `model` holds another network.
    """
    from lossbench.restorer import restorer

    if spec.test_set != SCORED:
        raise UserError(f"test_set: '{spec.test_set}' is scored by no server that is known here; only '{SCORED}' is")
    restore = restorer(spec.network.name, spec.network.arguments, model, spec.tile, threads)
    origin = f"{spec.network.name} of sha256 {sha256(model)}, code {code}"
    bundles = write_dnd(restore, Path(spec.root), output, origin)
    digests = {file.name: sha256(file) for file in sorted(bundles.iterdir())}
    card = {"origin": origin, "test_set": spec.test_set, "bundles": digests}
    write_text(output / "submission.json", json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    run(main)
