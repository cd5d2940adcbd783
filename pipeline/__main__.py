"""The user's tools: list the plugins, see what a scale needs, fetch a data set, probe a loss, score pictures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lossbench.errors import exit_with_one_line

Rows = list[dict[str, Any]]
RESULTS = Path("results")
"""Where stored loss networks are looked for."""


def _networks() -> Rows:
    from lossbench.networks import listing

    return listing()


def _losses() -> Rows:
    from lossbench.losses import listing

    return listing(RESULTS)


def _loss_networks() -> Rows:
    from lossbench.loss_networks import listing

    return listing()


def _metrics() -> Rows:
    from lossbench.metrics import listing

    return listing()


def _datasets() -> Rows:
    from lossbench.datasets import listing

    return listing()


def _tables() -> Rows:
    from pipeline.config.read import tables

    return tables(Path("config"))


LISTINGS: dict[str, tuple[Callable[[], Rows], str]] = {
    "networks": (_networks, "restoration networks with their parameters at published size"),
    "losses": (
        _losses,
        "losses with their sources, the loss networks that they need, and the files of these found here",
    ),
    "loss_networks": (_loss_networks, "loss networks with their parameters at published size"),
    "metrics": (_metrics, "metrics with their sources and protocols"),
    "datasets": (_datasets, "data sets with licence, size and where to get them"),
    "tables": (_tables, "published tables that can be made here"),
}


def main() -> None:
    """Run one verb; bad input gives one line and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m pipeline", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    for verb, (_, text) in LISTINGS.items():
        verbs.add_parser(verb, help=text).add_argument("--json", action="store_true", help="print JSON")
    plan = verbs.add_parser(
        "plan", help="jobs and GPU-hours of a scale, and the data and weights missing on this machine"
    )
    plan.add_argument("--scale", help="a file of config/scale; left out, the one of config/config.yaml")
    plan.add_argument("--json", action="store_true", help="print JSON")
    fetch = verbs.add_parser("fetch", help="download a published data set, checked by its checksums")
    fetch.add_argument("dataset", help="name of a data set that can be fetched")
    fetch.add_argument("--root", type=Path, help="folder to put it in; left out, <data_root>/<dataset>")
    _add_probe(verbs.add_parser("probe", help="what a loss sees: degradations at equal PSNR, ranked by it and by L1"))
    _add_measure(verbs.add_parser("measure", help="scores of picture files or folders, with the protocol of each"))
    given = parser.parse_args()
    exit_with_one_line(lambda: _run(given))


def _add_probe(probe: argparse.ArgumentParser) -> None:
    probe.add_argument("loss", help="name of a loss")
    probe.add_argument("image", type=Path, help="a picture file")
    probe.add_argument("--weights", type=Path, help="file of the loss network, where the loss needs one")
    probe.add_argument("--set", action="append", default=[], metavar="key=value", help="an argument of the loss")
    probe.add_argument("--psnr", type=float, default=30.0, help="PSNR of every degradation in dB (default 30)")
    probe.add_argument("--output", type=Path, help="folder for probe.txt, probe.json and probe.png")
    probe.add_argument("--json", action="store_true", help="print JSON")


def _add_measure(measure: argparse.ArgumentParser) -> None:
    measure.add_argument("prediction", type=Path, help="a picture file, or a folder of them")
    measure.add_argument("target", type=Path, nargs="?", help="its ground truth; left out where no metric needs one")
    measure.add_argument("--metric", required=True, metavar="NAMES", help="metrics with commas, such as psnr,ssim")
    colours = "rgb, y601 (or y), y601_rounded or gray; left out, each metric's usual one"
    measure.add_argument("--protocol", metavar="COLOUR", help=colours)
    measure.add_argument("--crop", type=int, default=0, help="pixels cut from each side (default 0)")
    measure.add_argument("--no-rounding", action="store_true", help="do not round to 8-bit levels first")
    measure.add_argument("--clip", action="store_true", help="a folder holds the frames of one clip, in name order")
    measure.add_argument("--weights", action="append", default=[], metavar="METRIC=FILE", help="a stored loss network")
    measure.add_argument("--json", action="store_true", help="print JSON")


def _run(given: argparse.Namespace) -> None:
    if given.verb in LISTINGS:
        _print(LISTINGS[given.verb][0](), given.json)
    elif given.verb == "plan":
        from pipeline.planning.report import report

        report(given.scale, Path("config"), given.json)
    elif given.verb == "probe":
        from lossbench.probe.loss import main as probe

        probe(given.loss, given.image, given.weights, given.set, given.output, given.psnr, given.json, RESULTS)
    elif given.verb == "measure":
        from lossbench.measure import main as measure
        from lossbench.measure import requested

        request = requested(given.metric, given.protocol, given.crop, not given.no_rounding, given.weights)
        measure(given.prediction, given.target, request, given.clip, given.json)
    else:
        from lossbench.datasets import fetch
        from pipeline.config.read import values

        fetch(given.dataset, given.root or Path(values(Path("config"))["data_root"]) / given.dataset)


def _print(rows: Rows, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        rest = "; ".join(f"{key}: {_words(value)}" for key, value in row.items() if key != "name")
        print(f"{row['name']}\n    {rest}")


def _words(value: Any) -> str:
    """Return lists and dictionaries without the marks of Python."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_inner(entry)}" for key, entry in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_words(entry) for entry in value) or "none"
    return str(value)


def _inner(value: Any) -> str:
    return f"({_words(value)})" if isinstance(value, dict | list) else str(value)


if __name__ == "__main__":
    main()
