"""The verb `probe`: options, which words are losses and which are pictures, and what is printed."""

import argparse
import math
import os
from collections.abc import Sequence
from pathlib import Path

from lossbench.errors import UserError
from lossbench.files import check_writable, given_path
from lossbench.measuring.json_text import as_json
from lossbench.names import fitting
from lossbench.plugins import constant, names
from lossbench.usage.folding import room

TEXT = "what losses see: degradations at equal PSNR, ranked by each and by L1; with --match, which weight to give"
EXAMPLE = "lossbench probe ccmae ctmae vgg picture.png --match 0.3"
MOST = 80.0
"""Decibels at most: beyond, float32 tells degradations no more."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `probe`."""
    add = parser.add_argument
    add("losses", nargs="+", metavar="LOSS", help="names of losses")
    add("pictures", nargs="+", metavar="PICTURE", help="picture files")
    match = "print the weight at which the gradient of each loss's own term has R times the norm of the pixel term's"
    add("--match", type=float, metavar="R", help=f"{match}, such as 0.3")
    weights = (
        "file of a loss network, left out one is found; of several losses for those that take its kind, or LOSS=FILE"
    )
    add("--weights", action="append", default=[], metavar="FILE", help=weights)
    setting = "an argument of the losses, or of one: LOSS.key=value"
    add("--set", action="append", default=[], metavar="key=value", help=setting)
    add("--psnr", type=float, default=30.0, help="PSNR of every degradation in dB (default 30)")
    add("--output", type=Path, help="folder for what is printed, as text and as JSON, and for a picture of it")
    add("--json", action="store_true", help="print JSON")


def run(given: argparse.Namespace) -> None:
    """Probe the losses of the command line and print what is found, and write it to `--output`.

    Raises UserError for an unknown loss or setting, a picture that can't be used, and missing weights.
    """
    losses, pictures = divided([*given.losses, *given.pictures])
    if not 0 < given.psnr <= MOST:
        raise UserError(f"--psnr {given.psnr}: not in (0, {MOST:g}]; 30 shows plainly visible degradations")
    if given.match is not None and not 0 < given.match < math.inf:
        raise UserError(f"--match {given.match}: not a number above 0; 0.3 is nearly a third of the pixel term")
    if given.output is not None:
        check_writable(given.output, "--output")
        if given.match is None and len({picture.name for picture in pictures}) < len(pictures):
            raise UserError("--output: pictures of one name would be written to one folder; probe them one by one")

    from lossbench.probe import match, report
    from lossbench.probe.loss import Settings, opened, probed
    from lossbench.weights.finding import say

    chosen = weights_of(losses, given.weights)
    settings = [Settings(loss, chosen.get(loss), settings_of(loss, losses, given.set)) for loss in losses]
    built = [each.build() for each in settings]
    opened_pictures = {picture: opened(picture) for picture in pictures}
    for each in built:
        if each.found is not None:
            say(each.found)
    if given.match is not None:
        found = match.matched(built, opened_pictures, given.psnr, given.match)
        print(as_json(found) if given.json else match.as_text(found, room()))
        if given.output is not None:
            match.write(given.output, found, match.as_text(found))
        return
    reports = []
    for each in built:
        for picture, crops in opened_pictures.items():
            found, shown = probed(each, picture, crops, given.psnr)
            reports.append(found)
            if not given.json:
                print(
                    report.as_text(found, room()),
                    end="\n\n" if len(reports) < len(built) * len(pictures) else "\n",
                    flush=True,
                )
            if given.output is not None:
                several = len(built) * len(pictures) > 1
                place = given.output / fitting(each.loss, "") / fitting(picture.name, "") if several else given.output
                report.write(place, found, report.as_text(found), shown)
    if given.json:
        print(as_json(reports if len(reports) > 1 else reports[0]))


def divided(words: Sequence[str]) -> tuple[list[str], list[Path]]:
    """Return the losses and the pictures among the `words` of the command line, each in its order.

    A picture is what has the ending of one, or lies in a folder, or is a file that is no loss's name. Raises UserError
    where there is no loss or no picture, and for a word that is there twice.
    """
    from lossbench.images import EXTENSIONS

    known = set(names("losses"))

    def is_picture(word: str) -> bool:
        if word.partition(":")[0] in known:
            return False
        return os.sep in word or Path(word).suffix.lower() in EXTENSIONS or os.path.exists(word)

    losses = [word for word in words if not is_picture(word)]
    pictures = [given_path(word, "picture") for word in words if is_picture(word)]
    for role, found, remedy in (
        ("loss", losses, "name one, such as ccmae; `lossbench losses` lists them"),
        ("picture", pictures, "give a file behind the losses, such as picture.png"),
    ):
        if not found:
            raise UserError(f"{' '.join(words)}: there is no {role} among these; {remedy}")
        if twice := [str(each) for number, each in enumerate(found) if each in found[:number]]:
            raise UserError(f"{role} {twice[0]} is given twice; leave one out")
    return losses, pictures


def weights_of(losses: Sequence[str], given: Sequence[str]) -> dict[str, Path]:
    """Return the file of each of the `losses` that `given` has one for: `LOSS=FILE`, or `FILE` for all that take it.

    Raises UserError for a file that none of them takes, and for a loss that has two.
    """
    found: dict[str, Path] = {}
    for word in given:
        name, sign, rest = word.partition("=")
        if sign and name in losses:
            fits, file = [name], given_path(rest, f"--weights {name}")
        else:
            file = given_path(word, "--weights")
            # whether the file is of its kind, the one loss there is tells best
            fits = list(losses) if len(losses) == 1 else _taking(losses, file)
        for loss in fits:
            if loss in found:
                raise UserError(
                    f"--weights: {found[loss]} and {file} are both for '{loss}'; say which: --weights {loss}={file}"
                )
            found[loss] = file
    return found


def _taking(losses: Sequence[str], file: Path) -> list[str]:
    from lossbench.losses import split
    from lossbench.storage import describe

    try:
        kind = describe(file, "loss_network")["name"]
    except UserError as error:
        raise UserError(f"--weights: {error}") from None
    fits = []
    for loss in losses:
        own = split(loss)[0]
        if kind in (*constant("losses", own, "LOSS_NETWORKS"), *constant("losses", own, "ARCHITECTURE_OF", ())):
            fits.append(loss)
    if not fits:
        raise UserError(f"--weights {file}: holds the loss network '{kind}', which none of {', '.join(losses)} takes")
    return fits


def settings_of(loss: str, losses: Sequence[str], given: Sequence[str]) -> list[str]:
    """Return those of the settings `key=value` and `LOSS.key=value` that are for `loss`, without its name."""
    own = []
    for setting in given:
        key, sign, value = setting.partition("=")
        owner, _, rest = key.rpartition(".")
        if owner not in losses:
            own.append(setting)
        elif owner == loss:
            own.append(f"{rest}{sign}{value}")
    return own
