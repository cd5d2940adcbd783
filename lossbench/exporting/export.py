"""Write a network by torch's own exporters or as it is stored, read it back, and hold it to torch at two sizes."""

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lossbench import plugins, storage
from lossbench.assets.optional import imported
from lossbench.errors import UserError, memory_for
from lossbench.exporting.described import is_of_one_size
from lossbench.files import written_atomically
from lossbench.measuring.progress import progress
from lossbench.networks import FOLDER, load_network

VERSIONS_OF = ("onnx", "onnxruntime")
MOST_DIFFERENCE = 1e-4
"""Of a prediction and what torch says, where white is 1."""
OPSET = 17
"""Of ONNX: old enough for the programs in use, and has all that the networks are made of."""
SIDES = ((40, 56), (72, 64))
"""Pixels of the two pictures that a network is traced with and held against torch by, before they are made to fit."""
EXTRA_FILE = "lossbench.json"
"""What a file of TorchScript says of itself; ONNX has a property for each word, safetensors one for all."""
SEARCHES = "it looks for patches, in steps whose number depends on the size"
REFUSED = {
    **{name: {"onnx": SEARCHES, "torchscript": SEARCHES} for name in ("innformer", "pacnet", "pacnet_s")},
    "sfinet": {"onnx": "it computes with complex numbers (Fourier transforms), which torch's exporter does not take"},
}
"""What can't be written, by network and format, and why."""

Inputs = tuple[Tensor, ...]
Run = Callable[..., Tensor]


def export(network: nn.Module, about: dict[str, Any], path: Path, format: str) -> float:
    """Write `network`, which `about` describes, to `path` as onnx, torchscript or safetensors, atomically.

    Returns the largest difference between what the written file and torch predict. Raises UserError for a network that
    the format can't hold, a library that is not installed, and a difference above 1e-4; then nothing is written.
    """
    if reason := REFUSED.get(about["name"], {}).get(format):
        raise UserError(f"network '{about['name']}' can't be written as {format}: {reason}; take safetensors")
    if format == "onnx":
        # named before the work begins
        for library in ("onnx", "onnxruntime"):
            imported(library, "the format onnx")
    ways: dict[str, tuple[Callable[..., None], Callable[[Path], Run]]] = {
        "onnx": (_write_onnx, _read_onnx),
        "torchscript": (_write_torchscript, _read_torchscript),
        "safetensors": (_write_safetensors, load_network),
    }
    write, read = ways[format]
    # what holds all is no remedy for itself
    remedy = "take safetensors" if format != "safetensors" else "train it again, or take another file"
    # it is written, and held against torch by each of the examples
    done = progress(1 + len(SIDES), "export", "parts")
    with written_atomically(path) as temporary:
        with warnings.catch_warnings():
            # both are complete and well tried for these networks; what is to follow them takes a hundred times as long
            warnings.simplefilter("ignore")
            try:
                with memory_for(f"the format {format}", "take a machine with more memory"):
                    write(network, about, temporary)
                    found = _difference(read(temporary), network, about, done)
            except (RuntimeError, ValueError, TypeError, torch.onnx.errors.OnnxExporterError) as error:
                line = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise UserError(f"it can't be written as {format} ({line}); {remedy}") from None
        if not found <= MOST_DIFFERENCE:
            raise UserError(f"as {format} it differs from torch by {found:.1e} of white; {remedy}")
    return found


def examples(network: nn.Module, about: dict[str, Any]) -> list[Inputs]:
    """Return two inputs of different sizes, where the network takes several, and of one and two pictures or clips."""
    generator = torch.Generator().manual_seed(0)
    found: list[Inputs] = []
    for number, sides in enumerate(SIDES, 1):
        fitting = [-(-max(side, about["minimum"]) // about["multiple"]) * about["multiple"] for side in sides]
        shape = [about["in_channels"], *([about["minimum"]] * 2 if is_of_one_size(network) else fitting)]
        if about["window"] != 1:
            # of a whole clip one more than it needs, and two
            shape = [about["window"] or int(network.least_frames) + number, *shape]  # type: ignore[arg-type]
        pictures = torch.rand(number, *shape, generator=generator)
        found.append((pictures, torch.full((number,), 0.1)) if _is_told(about["name"]) else (pictures,))
    return found


def _is_told(name: str) -> bool:
    return bool(plugins.constant(FOLDER, name, "TAKES_SIGMA", False))


@torch.no_grad()
def _difference(run: Run, network: nn.Module, about: dict[str, Any], done: Callable[[int], None]) -> float:
    found = []
    for number, inputs in enumerate(examples(network, about), 1):
        done(number)
        ours, theirs = run(*inputs), network(*inputs)
        found.append(float((ours - theirs).abs().max()) if ours.shape == theirs.shape else torch.inf)
    return max(found)


def _names(about: dict[str, Any]) -> tuple[list[str], list[str]]:
    return ["low_quality", *(["sigma"] if _is_told(about["name"]) else [])], ["prediction"]


def _write_onnx(network: nn.Module, about: dict[str, Any], path: Path) -> None:
    onnx = imported("onnx", "the format onnx")
    inputs, outputs = _names(about)
    axes = _axes(about)
    result = {axis - (about["window"] not in (1, None)) * (axis > 1): name for axis, name in axes.items()}
    named = {"low_quality": axes, "prediction": result, "sigma": {0: "batch"}}
    torch.onnx.export(
        network,
        examples(network, about)[0],
        str(path),
        dynamo=False,
        opset_version=OPSET,
        input_names=inputs,
        output_names=outputs,
        dynamic_axes={name: named[name] for name in (*inputs, *outputs)},
    )
    model = onnx.load(str(path))
    for word, value in about.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = word, value if isinstance(value, str) else json.dumps(value)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _axes(about: dict[str, Any]) -> dict[int, str]:
    """Return which axes of the input may have any length, by what they are."""
    first = 2 if about["window"] == 1 else 3
    axes = {0: "batch"}
    if about["window"] is None:
        axes[1] = "frames"
    return {**axes, first: "height", first + 1: "width"} if about["dynamic"] else axes


def _read_onnx(path: Path) -> Run:
    runtime = imported("onnxruntime", "the format onnx")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names: Sequence[str] = [each.name for each in session.get_inputs()]

    def run(*inputs: Tensor) -> Tensor:
        given = dict(zip(names, (each.numpy() for each in inputs), strict=True))
        return torch.from_numpy(session.run(None, given)[0])

    return run


def _write_torchscript(network: nn.Module, about: dict[str, Any], path: Path) -> None:
    traced = torch.jit.trace(network, examples(network, about)[0], check_trace=False)
    torch.jit.save(traced, str(path), _extra_files={EXTRA_FILE: json.dumps(about, sort_keys=True)})


def _write_safetensors(network: nn.Module, about: dict[str, Any], path: Path) -> None:
    storage.save(path, network, about)


def _read_torchscript(path: Path) -> Run:
    run: Run = torch.jit.load(str(path))
    return run
