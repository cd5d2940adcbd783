"""The verb `export`: a trained network for other programs, held against torch before it is kept."""

import argparse

from lossbench.errors import UserError, placed, shown
from lossbench.files import check_writable, given_path
from lossbench.measuring.json_text import as_json

TEXT = "write a trained network as ONNX, TorchScript or safetensors, and hold it against torch"
EXAMPLE = "lossbench export model.safetensors network.onnx"
FORMATS = ("onnx", "torchscript", "safetensors")
ENDINGS = {".onnx": "onnx", ".pt": "torchscript", ".ts": "torchscript", ".safetensors": "safetensors"}


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("model", type=lambda text: given_path(text, "MODEL"), help="a trained network of lossbench")
    parser.add_argument(
        "out", type=lambda text: given_path(text, "OUT"), help="the file to write, such as network.onnx"
    )
    words = f"{', '.join(FORMATS)}; left out, what the ending says (.onnx, .pt, .safetensors)"
    parser.add_argument("--format", choices=FORMATS, metavar="NAME", help=words)
    parser.add_argument("--overwrite", action="store_true", help="replace the file that is there")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(given: argparse.Namespace) -> None:
    """Write the file and say what it takes."""
    said = ENDINGS.get(given.out.suffix.lower())
    chosen = given.format or said
    if said not in (None, chosen):
        raise UserError(f"--format {chosen}: OUT {given.out} ends as {said} does; leave --format out, or rename OUT")
    if chosen is None:
        raise UserError(f"OUT: {given.out} has no ending that says a format; give --format {', '.join(FORMATS)}")
    if given.out.is_dir():
        raise UserError(f"OUT: {given.out} is a folder; give a file such as {given.out / 'network.onnx'}")
    check_writable(given.out.parent, "OUT")
    if given.out.exists() and given.model.exists() and given.out.samefile(given.model):
        raise UserError(f"OUT: {given.out} is the model itself; give another file")
    if given.out.exists() and not given.overwrite:
        raise UserError(f"OUT: {given.out} is there; give another file, or --overwrite to replace it")
    from lossbench.exporting.described import described
    from lossbench.exporting.export import export
    from lossbench.restoring.trained import trained

    network, description = trained(given.model, "MODEL")
    about = described(description, network)
    with placed(str(given.model)):
        difference = export(network, about, given.out, chosen)
    row = {"file": shown(str(given.out)), "format": chosen, "largest_difference": difference, **about}
    if given.json:
        print(as_json(row))
        return
    least, multiple = about["minimum"], about["multiple"]
    sides = f"multiples of {multiple} px, {least} or more" if about["dynamic"] else f"{least} px alone"
    bands = f"{about['in_channels']} to {about['out_channels']} bands"
    print(f"wrote {row['file']}: {about['name']}, {bands}, x{about['scale']}")
    print(f"height and width: {sides}; largest difference to torch: {difference:.1e}")
