"""Which weight to give a loss: that at which its own term is as strong beside the pixel term as asked.

How strong a term is, is what the notes of the tables call it: the norm of its weighted gradient at the prediction over
that of the pixel term's. They take the mean over the first steps of a training, this one over degradations of pictures.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from torch import Tensor

from lossbench.errors import UserError, one_line
from lossbench.files import write_text
from lossbench.measuring.json_text import as_json
from lossbench.names import counted
from lossbench.probe.loss import CROP, DEGRADATIONS, Probed, ProbeRow, check_rows, degrade, look, reporter
from lossbench.usage.folding import folded, tabled

PIXEL = "pixel"
"""Name of the term that others are compared with; L1 stands for it in a loss that has none."""


def matched(
    probes: Sequence[Probed], pictures: Mapping[Path, Tensor], decibels: float, strength: float
) -> dict[str, Any]:
    """Return the weights at which each term of the losses has the `strength`, ready for JSON.

    `pictures` are crops (N, 3, H, W) in [0, 1] by file, degraded to a PSNR of `decibels`. Raises UserError for a loss
    that has no term beside the pixels, for one whose gradient is zero everywhere, and as `check_rows`.
    """
    for probe in probes:
        if not probe.built.weights.keys() - {PIXEL}:
            raise UserError(f"loss '{probe.loss}' has the pixel term alone, with which --match compares others")
    done = reporter(" ".join(probe.loss for probe in probes))
    parts = len(probes) * len(pictures) * len(DEGRADATIONS)
    rows: list[list[ProbeRow]] = [[] for _ in probes]
    for picture, clean in pictures.items():
        degraded = degrade(clean, decibels)
        for probe, own in zip(probes, rows, strict=True):
            for name, version in degraded.items():
                own.append(look(probe.built, clean, version, name))
                check_rows(probe.loss, picture, own[-1:])
                done(sum(map(len, rows)), parts)
    found = [
        _weight(probe, term, own, strength)
        for probe, own in zip(probes, rows, strict=True)
        for term in probe.built.weights
        if term != PIXEL
    ]
    files = {str(picture): len(clean) for picture, clean in pictures.items()}
    return {"match": strength, "psnr": decibels, "pictures": files, "crop": CROP, "losses": found}


def _weight(probe: Probed, term: str, rows: Sequence[ProbeRow], strength: float) -> dict[str, Any]:
    # what a row has are norms over that of L1's gradient
    pixel = PIXEL if PIXEL in probe.built.weights else None
    ratios = {
        name: fmean(
            row.gradient_ratios[term] / (row.gradient_ratios[pixel] if pixel else 1) for row in rows if row.name == name
        )
        for name in DEGRADATIONS
    }
    mean = fmean(ratios.values())
    if not mean:
        raise UserError(f"loss '{probe.loss}': the gradient of '{term}' is zero everywhere, whatever its weight")
    wanted = strength * (probe.built.weights[pixel] if pixel else 1)
    return {
        "loss": probe.loss,
        "arguments": probe.arguments,
        "term": term,
        "pixel_term": "its own" if pixel else "l1",
        "ratio": mean,
        "weight": wanted / mean,
        "degradations": {
            name: {"ratio": ratio, "weight": wanted / ratio if ratio else None} for name, ratio in ratios.items()
        },
    }


def as_text(found: Mapping[str, Any], width: int | None = None) -> str:
    """Return the table of weights, a line a term, in lines of at most `width` characters where that is given."""
    head, rows = ["loss", "term", "weight", *DEGRADATIONS], []
    for entry in found["losses"]:
        weights = [entry["weight"], *(entry["degradations"][name]["weight"] for name in DEGRADATIONS)]
        words = ["none" if weight is None else f"{weight:.3g}" for weight in weights]
        rows.append([entry["loss"], entry["term"], *words])
    pictures = ", ".join(map(one_line, found["pictures"]))
    crops = f"{counted(sum(found['pictures'].values()), 'crop')} of {found['crop']} px of {pictures}"
    before = [
        f"weight at which the gradient of a term has {found['match']:g} times the norm of the pixel term's,",
        f"which is the loss's own or else L1; {crops}, degraded to {found['psnr']:g} dB",
    ]
    before = before if width is None else folded(" ".join(before), width)
    behind = folded("weight: by the mean over the degradations, whose own weights stand behind it", width)
    return "\n".join([*before, *tabled(head, rows, width, left=2), *behind])


def write(folder: Path, found: Mapping[str, Any], text: str) -> None:
    """Write `match.txt` and `match.json` to `folder`, each atomically."""
    write_text(folder / "match.txt", text + "\n")
    write_text(folder / "match.json", as_json(found) + "\n")
