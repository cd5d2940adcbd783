"""The verbs `fetch`, of data sets and of weights, and `import_weights`, of a file that lies here."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lossbench import plugins
from lossbench.errors import UserError, shown
from lossbench.files import check_writable, given_path
from lossbench.weights import places, released

Rows = list[dict[str, Any]]

FETCH = "download data sets and public weights of loss networks, checked by their checksums"
FETCH_EXAMPLE = "lossbench fetch weights vgg lpips"
IMPORT = "store a released file of weights as a loss network, for losses to be built on"
IMPORT_EXAMPLE = "lossbench import_weights vgg19-dcbb9e9d.pth --as vgg19 --output vgg19.safetensors"
WEIGHTS, DATA = "weights", "data"
"""The words behind `fetch` that say what the names are of."""


def fetch_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `fetch`."""
    words = (
        "data sets, or `weights` and names of losses, loss networks or files; `weights` alone lists what there is; "
        "`data` may stand before data sets"
    )
    parser.add_argument("names", nargs="+", metavar="name", help=words)
    to = f"folder to put it in; left out, <data root>/<data set>, for weights ${places.FOLDER} or the user's cache"
    parser.add_argument("--to", "--root", type=lambda text: given_path(text, "--to"), metavar="DIR", help=to)
    licence = "accept the non-commercial licences of the weights, which are asked for once where there is a terminal"
    parser.add_argument("--accept-licence", action="store_true", help=licence)
    parser.add_argument("--json", action="store_true", help="print JSON")


def fetched(given: argparse.Namespace, data_root: Callable[[], Path]) -> Rows:
    """Fetch what is asked for and return a row for each; data sets get folders of their own below `data_root`."""
    first, *rest = given.names
    if first == WEIGHTS:
        from lossbench.weights import fetching

        folder = given.to or places.fetched()
        return fetching.fetch_weights(rest, folder, given.accept_licence) if rest else fetching.listing(folder)
    if given.accept_licence:
        raise UserError("--accept-licence: it is for weights; leave it out")
    if first == DATA and not rest:
        raise UserError("fetch data: name one or more data sets; lossbench datasets lists them")
    return _data(rest if first == DATA else given.names, given.to, data_root)


def _data(names: list[str], folder: Path | None, data_root: Callable[[], Path]) -> Rows:
    from lossbench import datasets

    if folder is not None and len(names) > 1:
        raise UserError(f"--to {folder}: one folder for {len(names)} data sets; fetch each by itself, or leave it out")
    for name in names:
        if name not in plugins.names("datasets") and _is_of_weights(name):
            raise UserError(f"'{name}' is no data set; for its weights run: lossbench fetch weights {name}")
    cards = [datasets.card(name) for name in names]
    rows = []
    for card in cards:
        place = folder or data_root() / card.name
        datasets.fetch(card.name, place)
        rows.append({"name": card.name, "folder": shown(str(place)), "title": card.title, "licence": card.licence})
    return rows


def _is_of_weights(name: str) -> bool:
    try:
        released.named(name)
    except UserError:
        return False
    return True


def import_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `import_weights`."""
    file = "a released file, or the path of a catalogued one inside an installed package"
    parser.add_argument("file", type=lambda text: given_path(text, "FILE"), help=file)
    parser.add_argument("--as", dest="kind", required=True, metavar="NAME", help="the loss network that it is one of")
    text = "an argument of the loss network, such as image_size=224"
    parser.add_argument("--set", action="append", default=[], metavar="key=value", help=text)
    digest = "sha256: or md5: and at least 6 digits that the file must have; known of public files by their names"
    parser.add_argument("--digest", metavar="DIGEST", help=digest)
    output = f"the file to write; left out, one of the name NAME in ${places.FOLDER} or the user's cache"
    parser.add_argument("--output", type=lambda text: given_path(text, "--output"), metavar="FILE", help=output)
    parser.add_argument("--overwrite", action="store_true", help="replace the file that is there")
    parser.add_argument("--licence", metavar="TEXT", help="licence of the weights, to be kept with them")
    parser.add_argument("--source", metavar="TEXT", help="where the weights come from, to be kept with them")
    parser.add_argument("--json", action="store_true", help="print JSON")


def import_weights(given: argparse.Namespace) -> Rows:
    """Store the file as a loss network and return a row that says what was made of what."""
    from lossbench.weights.by_hand import Request, stored_by_hand

    output = given.output or places.fetched() / f"{given.kind}.safetensors"
    if output.suffix != ".safetensors":
        raise UserError(f"--output {output}: it is safetensors that is written; end the name in .safetensors")
    check_writable(output.parent, "--output")
    if output.exists() and not given.overwrite:
        raise UserError(f"--output: {output} is there; give another file, or --overwrite to replace it")
    request = Request(given.file, given.kind, given.set, given.digest, given.licence, given.source)
    return [stored_by_hand(request, output)]
