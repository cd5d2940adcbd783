"""The verb `compare`: options, and what is printed."""

import argparse
from pathlib import Path

TEXT = "which folder of restored pictures is better, by how much, with an interval"
EXAMPLE = "lossbench compare ours/ theirs/ --target ground_truth/ --metric psnr,ssim,niqe"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `compare`."""
    add = parser.add_argument
    add("folders", type=Path, nargs="+", metavar="FOLDER", help="folders of restored pictures, the reference first")
    add("--target", type=Path, metavar="FOLDER", help="the ground truth; left out where no metric needs one")
    add("--metric", required=True, metavar="NAMES", help="metrics with commas, such as psnr,ssim,niqe")
    add("--reference", type=Path, metavar="FOLDER", help="with which the others are compared; left out, the first")
    add("--suffix", default="", help="what restored pictures have behind the names of their targets, such as _x4")
    seeds = "where the folders of seeds are: _seed{seed} for A_seed0, {seed} for A/0, {folder}-{seed}/out for A-0/out"
    add("--seeds", metavar="PATTERN", help=seeds)
    margin = "difference that matters, in the metric's unit: 0.05 for all metrics, or psnr=0.05,ssim=0.001"
    add("--margin", help=margin)
    colours = "rgb, y601 (or y), y601_rounded or gray; left out, each metric's usual one"
    add("--protocol", metavar="COLOUR", help=colours)
    add("--crop", type=int, default=0, help="pixels cut from each side (default 0)")
    add("--no-rounding", action="store_true", help="do not round to 8-bit levels first")
    add("--peak", type=int, help="level of 16-bit files that stands for white (default 65535)")
    add("--bits", type=int, help="bits that values of 16-bit files have: 11 is --peak 2047")
    add("--clip", action="store_true", help="each sub-folder holds the frames of one clip, which counts as one")
    add("--weights", action="append", default=[], metavar="METRIC=FILE", help="a stored loss network")
    add("--jobs", metavar="N", help="processes that score pictures beside each other")
    forms = parser.add_mutually_exclusive_group()
    for form, what in (("csv", "CSV"), ("json", "JSON"), ("tex", "a table of LaTeX"), ("html", "a page of HTML")):
        forms.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=f"print {what}")


def run(given: argparse.Namespace) -> None:
    """Compare the folders of the command line and print what is found; notices go to standard error."""
    from lossbench.comparing import documents
    from lossbench.comparing.compare import compared_folders, margins_of
    from lossbench.errors import FileError, Notice, UserError, gathered, say, summed_up
    from lossbench.formats.pairs import peak_of
    from lossbench.measure import requested
    from lossbench.measuring.processes import checked_jobs

    request = requested(given.metric, given.protocol, given.crop, not given.no_rounding, given.weights)
    margins = margins_of(given.margin, request, "--margin")
    jobs, peak = checked_jobs(given.jobs, "--jobs"), peak_of(given.peak, given.bits)
    with gathered() as notices:
        try:
            result = compared_folders(
                given.folders,
                given.target,
                request,
                reference=given.reference,
                suffix=given.suffix,
                seeds=given.seeds,
                margins=margins,
                peak=peak,
                clip=given.clip,
                jobs=jobs,
            )
        except FileError as error:
            raise UserError(f"--weights: {error}") from None
    if margins and given.margin and "=" not in given.margin and len(margins) > 1:
        words = f"{given.margin} is the margin of each metric in its unit; psnr=0.05,ssim=0.001 gives each its own"
        notices.append(Notice(Path("--margin"), words))
    if given.form == "json":
        print(documents.as_json(result, summed_up(notices)))
    else:
        forms = {"csv": documents.as_csv, "tex": documents.as_tex, "html": documents.as_html}
        print(forms.get(given.form, str)(result))
    say(notices)
