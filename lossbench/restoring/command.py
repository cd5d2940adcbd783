"""The verb `restore`: pictures, folders of them, videos and folders of frames through a trained network."""

import argparse
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lossbench.errors import FullError, UserError, gathered, one_line, say, shown, summed_up, tell
from lossbench.files import given_path
from lossbench.measuring.json_text import as_json
from lossbench.measuring.progress import progress

if TYPE_CHECKING:
    from lossbench.restoring.model import Model
    from lossbench.restoring.places import Item

Rows = dict[str, list[dict[str, Any]]]

TEXT = "restore pictures, folders of them and clips by a trained network"
EXAMPLE = "lossbench restore photos/ restored/ --model model.safetensors"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument(
        "pictures",
        type=lambda text: given_path(text, "PICTURES"),
        help="a picture, a video, or a folder, with its sub-folders",
    )
    parser.add_argument(
        "out",
        type=lambda text: given_path(text, "OUT"),
        help="a folder, or a file (.png, .tif, .mp4, .mkv) for one file",
    )
    model = "a trained network of lossbench"
    parser.add_argument(
        "--model", type=lambda text: given_path(text, "--model"), required=True, metavar="FILE", help=model
    )
    tile = "side of a tile in pixels, 0 for none (default: 256 for pictures of more than 512 x 512, else none)"
    parser.add_argument("--tile", type=int, metavar="PX", help=tile)
    parser.add_argument(
        "--sigma", type=float, metavar="S", help="noise in levels of 0..255, where a network is told it"
    )
    kinds = "what a video becomes: mp4 (H.264, default), mkv (FFV1, without loss), or png (frames)"
    parser.add_argument("--video", choices=("mp4", "mkv", "png"), metavar="KIND", help=kinds)
    parser.add_argument("--overwrite", action="store_true", help="make again what is there; left out, it is kept")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU cores (default: all)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(given: argparse.Namespace) -> None:
    """Restore what is asked for, print what was made and kept, and fail where a part can't be restored."""
    from lossbench.measuring.processes import cores
    from lossbench.restoring.model import opened
    from lossbench.restoring.places import Wanted, found

    model = opened(given.model, given.tile, given.sigma, cores() if given.threads is None else given.threads)
    with gathered() as notices:
        wanted = Wanted(model.clips, model.sized.out_channels, given.video)
        results = _restored(found(given.pictures, given.out, wanted), model, given)
    notes = {"notes": summed_up(notices)} if notices else {}
    if given.json:
        print(as_json({"model": {"file": shown(str(given.model)), **vars(model.record)}, **results, **notes}))
    say(notices)
    if failed := results["failed"]:
        total = sum(len(rows) for rows in results.values())
        if total == 1 and not given.json:
            raise UserError(failed[0]["error"])
        where = "the JSON says" if given.json else "said above"
        rest = "; all else is made" if len(failed) < total else ""
        raise UserError(f"{len(failed)} of {total} can't be restored, as {where}{rest}; mend and rerun")


def _restored(items: list["Item"], model: "Model", given: argparse.Namespace) -> Rows:
    """Restore what is not there yet, saying each as it is made; what was made otherwise is refused before the first."""
    from lossbench.restoring.files import restore_item
    from lossbench.restoring.record import check_replaceable, is_kept

    results: Rows = {"made": [], "kept": [], "failed": []}
    todo = []
    for item in items:
        if given.overwrite or not is_kept(item, model.record):
            check_replaceable(item)
            todo.append(item)
        else:
            results["kept"].append(_places(item))
    for row in results["kept"]:
        _print(f"kept {row['output']}", given)
    done = progress(len(todo), "restore", "clips" if model.clips else "pictures")
    for number, item in enumerate(todo):
        began = time.monotonic()
        with gathered() as notices:
            try:
                made = restore_item(item, model, _said(number, done))
            # a full disk ends it, a picture that can't be restored does not
            except FullError:
                raise
            except UserError as error:
                results["failed"].append({"source": shown(str(item.source)), "error": one_line(str(error))})
                # the JSON says it
                if len(items) > 1 and not given.json:
                    tell(f"error: {one_line(str(error))}")
                continue
        # how it was restored is nothing to say of what was not
        for notice in notices:
            warnings.warn(notice, stacklevel=2)
        results["made"].append({**_places(item), **vars(made), "seconds": round(time.monotonic() - began, 2)})
        frames = "" if item.kind == "picture" else f", {made.frames} frames"
        _print(f"made {results['made'][-1]['output']} ({made.width} x {made.height}{frames})", given)
    return results


def _places(item: "Item") -> dict[str, Any]:
    return {"source": shown(str(item.source)), "output": shown(str(item.output))}


def _print(line: str, given: argparse.Namespace) -> None:
    if not given.json:
        print(line, flush=True)


def _said(number: int, done: Callable[[Any], None]) -> Callable[[int, int], None]:
    """Return what takes how much of the item after `number` others is done, and what there is of it to do."""
    # of a large picture the first tile is less than what is printed, and nothing done has no time left
    return lambda part, whole: done(max(round(number + part / whole, 2), 0.01))
