"""Networks on disk: safetensors that say what they hold, loaded strictly."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lossbench.assets import contents
from lossbench.errors import FileError, UserError
from lossbench.files import written_atomically

KINDS = {"network": "restoration network", "loss_network": "loss network", "classifier": "classifier"}
"""What a file holds, by the one key of its metadata; more than one would make its bytes depend on chance."""
ENDING = ".safetensors"
SHOWN = 3
"""How many mismatches of a sort a message names."""


@contextmanager
def fresh_defaults() -> Iterator[None]:
    """Make tensors float32, on the CPU and fit for training in the block, whatever its surroundings have set.

    Those are `torch.set_default_dtype`, `torch.set_default_device`, `torch.device` as a context, and inference mode.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.device("cpu"), torch.inference_mode(False):
            yield
    finally:
        torch.set_default_dtype(before)


def save(path: Path, module: nn.Module, description: Mapping[str, Any], kind: str = "network") -> None:
    """Write the state of `module` to `path` atomically, marked as one of KINDS.

    `description` says in JSON how to build it; its `name` is required.
    """
    # the format refuses tensors that lie in another order than their shape says
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    with written_atomically(path) as temporary:
        save_file(state, temporary, metadata={kind: json.dumps(description, sort_keys=True)})


def read(path: Path, kind: str = "network") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors, on the CPU, and the description in the file `path`.

    Raises UserError naming the file when it is missing, damaged or not of this pipeline, and what it holds when that
    is another of KINDS.
    """
    with fresh_defaults(), _opened(path) as file:
        description = _description(path, file.metadata() or {}, kind)
        return {name: file.get_tensor(name) for name in file.keys()}, description  # noqa: SIM118


def describe(path: Path, kind: str = "network") -> dict[str, Any]:
    """Return the description in the file `path` without its tensors; raises UserError as `read`."""
    with _opened(path) as file:
        return _description(path, file.metadata() or {}, kind)


def is_stored(path: Path) -> bool:
    """Return whether `path` is a file of ours: safetensors that say what they hold.

    Raises UserError for what is called safetensors and is missing or damaged.
    """
    if path.suffix != ENDING:
        return False
    with _opened(path) as file:
        return bool(KINDS.keys() & (file.metadata() or {}))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    contents.check_readable(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise _foreign(f"{path} is not a whole safetensors file ({contents.recognised(path) or error})") from None


def _foreign(fault: str) -> FileError:
    return FileError(fault, f"give one of lossbench; {contents.SOURCES}", "delete it and rerun")


def _description(path: Path, metadata: Mapping[str, str], kind: str) -> dict[str, Any]:
    try:
        [(found, text)] = metadata.items()
        description: dict[str, Any] = json.loads(text)
        held = f"{KINDS[found]} '{description['name']}'"
    except (KeyError, TypeError, ValueError):
        raise _foreign(f"{path} is no network stored by this pipeline") from None
    if found != kind:
        raise UserError(f"{path} holds the {held}; give the file of a {KINDS[kind]}")
    return description


def check_finite(state: Mapping[str, Tensor], path: Path) -> None:
    """Raise UserError naming the first of the tensors `state`, read from the file `path`, that is not finite."""
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(tensor.float().isfinite().all()):
            raise UserError(
                f"{path}: tensor '{name}' has NaN or infinite values; take another file or an earlier state"
            )


def fill(module: nn.Module, state: Mapping[str, Tensor], path: Path, expected: Iterable[str] | None = None) -> None:
    """Copy the tensors `state`, read from the file `path`, into `module`: every name, shape and type must fit.

    `expected` limits the check to a part of the module's names; the rest keeps its weights. Raises UserError naming
    the file and the first mismatches; the module is then untouched. A module built on the meta device takes the
    tensors themselves.
    """
    own = module.state_dict()
    names = set(own if expected is None else expected)
    wrong = [
        f"{name} is {_form(state[name])}, expected {_form(own[name])}"
        for name in sorted(names & state.keys())
        if _form(state[name]) != _form(own[name])
    ]
    faults = {"missing": sorted(names - state.keys()), "unexpected": sorted(state.keys() - names), "wrong": wrong}
    text = "; ".join(f"{sort} {_first(entries)}" for sort, entries in faults.items() if entries)
    if text:
        raise UserError(f"{path} does not fit the network ({text}); give the file that was made for it")
    module.load_state_dict(dict(state), strict=False, assign=any(tensor.is_meta for tensor in own.values()))


def rebuilt(path: Path, state: Mapping[str, Tensor], build: Callable[[], nn.Module]) -> nn.Module:
    """Return what `build` makes with the tensors `state`, read from the file `path`: on the CPU, frozen, evaluating.

    Raises UserError naming the file when this version does not know the network or its arguments, and as `fill`.
    """
    with fresh_defaults():
        try:
            # no storage yet: drawing weights only to replace them would take seconds
            with torch.device("meta"):
                module = build()
        except (UserError, KeyError, TypeError) as error:
            raise UserError(f"{path}: {error}; give the file of a network that this version knows") from None
        fill(module, state, path)
    return module.eval().requires_grad_(False)


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _first(entries: list[str]) -> str:
    more = f" and {len(entries) - SHOWN} more" if len(entries) > SHOWN else ""
    return ", ".join(entries[:SHOWN]) + more
