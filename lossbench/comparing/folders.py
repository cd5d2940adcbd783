"""What is compared: a method is a folder of restored pictures, or one folder for each seed."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from lossbench.errors import UserError, nearest
from lossbench.files import check_readable_folder
from lossbench.formats.listing import is_there
from lossbench.names import natural

SEED, FOLDER = "{seed}", "{folder}"
"""Fields of a pattern."""


@dataclass(frozen=True)
class Method:
    """One side of a comparison."""

    label: str
    """What it is called: the end of its path that tells it from the others."""
    path: Path
    """As it was given, or what its folders of seeds have in common."""
    runs: dict[str, Path]
    """Folder of each seed; the seed of a folder without seeds is empty."""


def methods(folders: Sequence[Path], seeds: str | None) -> list[Method]:
    """Return the methods that lie in `folders`, two or more, each with its folders by seed.

    `seeds` is a pattern with the field `{seed}`: below a folder (`{seed}` is `A/0`, `seed{seed}` is `A/seed0`), behind
    its name (`_seed{seed}` is `A_seed0`), or a path with the field `{folder}` for its name (`{folder}_{seed}`). Folders
    that are themselves those of seeds, as a shell lists `A_seed*`, are gathered. A folder may hold `{seed}` itself.
    Raises UserError for a folder that is missing or given twice, and for methods that do not have the same seeds.
    """
    if len(folders) < 2:
        raise UserError(f"{folders[0] if folders else 'no folder'}: nothing to compare it with; give two or more")
    if seeds is not None and seeds.count(SEED) != 1:
        raise UserError(f"--seeds {seeds}: give a pattern with the field {SEED} once, such as '_seed{SEED}'")
    runs = _gathered(folders, seeds) if seeds else None
    if runs is None:
        names = [folder.name for folder in folders]
        runs = {str(folder): _runs(folder, seeds, names) for folder in _once(folders)}
    if len(runs) < 2:
        raise UserError(f"{', '.join(map(str, folders))}: seeds of one method; give those of another one too")
    found = [Method(label, Path(way), own) for label, (way, own) in zip(_labels(list(runs)), runs.items(), strict=True)]
    _require_different([path for method in found for path in method.runs.values()])
    first = found[0]
    for other in found[1:]:
        _require_seeds(first, other)
    return found


def reference_of(methods: Sequence[Method], reference: Path | None) -> str:
    """Return the label of the method that `reference` names by its label or path; of the first where it is None.

    Raises UserError for what is none of the methods.
    """
    if reference is None:
        return methods[0].label
    for method in methods:
        if str(reference) == method.label or reference in (method.path, *method.runs.values()):
            return method.label
    labels = [method.label for method in methods]
    raise UserError(f"--reference {reference}: none of the folders to compare; {nearest(str(reference), labels)}")


def _once(folders: Sequence[Path]) -> list[Path]:
    for place, folder in enumerate(folders):
        if any(str(other) == str(folder) for other in folders[:place]):
            raise UserError(f"{folder} is given twice; give each folder once")
    return list(folders)


def _require_different(paths: Sequence[Path]) -> None:
    """Raise UserError where two of `paths` are one folder, by whatever name."""
    first: dict[str, Path] = {}
    for path in paths:
        check_readable_folder(path, "compare")
        other = first.setdefault(os.path.realpath(path), path)
        if other is not path:
            raise UserError(f"{path} is given twice, and is the folder {other}; give each folder once")


def _runs(folder: Path, seeds: str | None, names: Sequence[str]) -> dict[str, Path]:
    if SEED in str(folder):
        # what stands in the way itself says more than a pattern for all
        return _matching(str(folder))
    if seeds is None:
        return {"": _there(folder)}
    ways = _ways(folder, seeds, names)
    found = [runs for way in ways if (runs := _matching(way, required=False))]
    if len(found) > 1:
        also = " and ".join(ways)
        raise UserError(f"--seeds {seeds}: fits {also}; say which by {FOLDER}, the folder's name, in the pattern")
    if not found:
        raise UserError(f"--seeds {seeds}: there is no folder {' or '.join(ways)}; mend the pattern, or {folder}")
    return found[0]


def _ways(folder: Path, seeds: str, names: Sequence[str]) -> list[str]:
    """Return the paths that the pattern `seeds` may mean for `folder`; it may name one of the folders, `names`."""
    if FOLDER in seeds:
        return [str(folder.parent / seeds.replace(FOLDER, folder.name))]
    inside = f"{folder}/{seeds.lstrip('/')}"
    if seeds.startswith((SEED, "/")):
        return [inside]
    ends = [seeds.removeprefix(name) for name in names if seeds.startswith(name)]
    spelled = [str(folder.parent / f"{folder.name}{end}") for end in ends]
    return list(dict.fromkeys([inside, f"{folder}{seeds}", *spelled]))


def _there(folder: Path) -> Path:
    if not is_there(folder):
        raise UserError(f"{folder} is missing; give a folder of restored pictures")
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; give folders, one file alone is scored by `lossbench measure`")
    return folder


def _matching(way: str, required: bool = True) -> dict[str, Path]:
    """Return the folders whose path is `way` with a seed for its field, by seed in natural order."""
    if way.count(SEED) != 1:
        raise UserError(f"{way}: the field {SEED} stands there more than once; give it once")
    before, after = way.split(SEED)
    root, start = os.path.split(before)
    name, _, rest = after.partition("/")
    expression = re.compile(re.escape(start) + r"(?P<seed>.+)" + re.escape(name))
    found: dict[str, Path] = {}
    try:
        entries = sorted(os.listdir(root or "."), key=natural)
    except OSError:
        entries = []
    for entry in entries:
        path = Path(root, entry, rest)
        match = expression.fullmatch(entry)
        if match and not entry.startswith(".") and os.path.isdir(path):
            found[match["seed"]] = path
    if required and not found:
        raise UserError(f"{way}: no folder is called so with a seed for {SEED}; mend the path")
    numbers = [seed for seed in found if seed.isdecimal()]
    others = [seed for seed in found if not seed.isdecimal()]
    if numbers and others:
        raise UserError(
            f"{found[others[0]]}: {others[0]} is no number, as the seed {numbers[0]} beside it is; move it away where "
            f"it is no run to compare, or give the folder of each seed and the pattern with {FOLDER}"
        )
    return found


def _gathered(folders: Sequence[Path], seeds: str) -> dict[str, dict[str, Path]] | None:
    """Return the folders by method and seed where all are those of seeds themselves; else None."""
    if seeds.startswith(SEED):
        # what lies beside each other without a word before its seed may as well be methods
        return None
    pattern = seeds if FOLDER in seeds else FOLDER + seeds
    parts = [re.escape(part) for part in re.split(r"(\{folder\}|\{seed\})", pattern)]
    fields = {re.escape(FOLDER): r"(?P<folder>.+)", re.escape(SEED): r"(?P<seed>[^/]+)"}
    expression = re.compile("".join(fields.get(part, part) for part in parts).lstrip("/"))
    matches = [expression.fullmatch(os.path.normpath(folder)) for folder in folders]
    if not any(os.path.isdir(folder) for folder in folders):
        return None
    found: dict[str, dict[str, Path]] = {}
    for folder, match in zip(folders, matches, strict=True):
        if match is None:
            return None
        _there(folder)
        runs = found.setdefault(match["folder"], {})
        if runs.setdefault(match["seed"], folder) is not folder:
            raise UserError(f"{folder} is given twice; give each folder once")
    return {name: dict(sorted(runs.items(), key=lambda run: natural(run[0]))) for name, runs in found.items()}


def _require_seeds(first: Method, other: Method) -> None:
    """Raise UserError where the two do not have the same seeds: runs are paired by them."""
    for some, others in ((first, other), (other, first)):
        for seed, path in some.runs.items():
            if seed not in others.runs:
                known = ", ".join(filter(None, others.runs)) or "one folder without seeds"
                raise UserError(
                    f"{path}: {others.label} has no seed {seed or 'less folder'} ({known}); compare seeds that all have"
                )


def _labels(paths: Sequence[str]) -> list[str]:
    """Return the shortest ends of `paths` that tell them apart; a field for seeds is left out with its marks."""
    names = [PurePath(os.path.normpath(path.replace(SEED, ""))).parts for path in paths]
    for length in range(1, max(map(len, names)) + 1):
        ends = ["/".join(parts[-length:]).rstrip("_-. ") or "/".join(parts) for parts in names]
        if len(set(ends)) == len(ends):
            return ends
    return list(paths)
