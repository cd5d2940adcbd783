"""What every stage writes, and where: the one table of the files below the results folder of a scale."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PUBLIC = "public"
"""Stands for the data set in the path of imported weights."""

# one of another seed than the scale's first is called by both, such as mae_task_seed1
_PRETRAINED = "pretrain/{loss_network}/{dataset}"
_IMPORTED = f"pretrain/{{loss_network}}/{PUBLIC}"
_CLASSIFIER = "train_classifier/{classifier}/{dataset}"
_DISTANCE = "train_distance/{loss_network}/{dataset}"
_RUN = "{task}/{dataset}/{network}/{loss}/{seed}"
_TABLE = "{paper}/{table}"

FILES: dict[str, dict[str, str]] = {
    "prepare": {
        "card": "prepare/{dataset}/target.json",
        "array": "prepare/{dataset}/target.npy",
    },
    "degrade": {
        "card": "prepare/{dataset}/{task}/low_quality.json",
        "array": "prepare/{dataset}/{task}/low_quality.npy",
    },
    "import_weights": {
        "network": f"{_IMPORTED}/network.safetensors",
        "card": f"{_IMPORTED}/card.json",
    },
    "pretrain": {
        "network": f"{_PRETRAINED}/network.safetensors",
        "card": f"{_PRETRAINED}/card.json",
        "history": f"{_PRETRAINED}/history.csv",
        "probe": f"{_PRETRAINED}/probe.csv",
        "picture": f"{_PRETRAINED}/reconstructions.png",
    },
    "train_classifier": {
        "network": f"{_CLASSIFIER}/network.safetensors",
        "classifier": f"{_CLASSIFIER}/classifier.safetensors",
        "card": f"{_CLASSIFIER}/card.json",
        "witness": f"{_CLASSIFIER}/witness.npz",
        "scores": f"{_CLASSIFIER}/scores.csv",
        "chance": f"{_CLASSIFIER}/chance.csv",
    },
    "train_distance": {
        "network": f"{_DISTANCE}/network.safetensors",
        "card": f"{_DISTANCE}/card.json",
        "history": f"{_DISTANCE}/history.csv",
    },
    "train": {
        "model": f"train/{_RUN}/model.safetensors",
        "card": f"train/{_RUN}/card.json",
        "history": f"train/{_RUN}/history.csv",
    },
    "evaluate": {
        "scores": f"evaluate/{_RUN}/{{test_set}}.csv",
        "pictures": f"evaluate/{_RUN}/{{test_set}}_pictures",
    },
    "generate": {
        "scores": f"generate/{_RUN}/{{test_set}}.csv",
        "pictures": f"generate/{_RUN}/{{test_set}}_pictures",
    },
    "submit": {"submission": f"submit/{_RUN}/{{test_set}}/submission.json"},
    "compare": {"picture": f"compare/{_TABLE}/{{task}}/{{dataset}}/{{network}}/{{test_set}}.png"},
    "compare_clips": {"clips": f"compare/{_TABLE}/{{task}}/{{dataset}}/{{network}}/{{test_set}}_clips"},
    "tabulate": {
        "long": f"tables/{_TABLE}.csv",
        "wide": f"tables/{_TABLE}_wide.csv",
        "markdown": f"tables/{_TABLE}.md",
        "latex": f"tables/{_TABLE}.tex",
        "page": f"tables/{_TABLE}.html",
    },
    "chart": {"picture": f"charts/{_TABLE}.png"},
    "figure": {
        "picture": f"figures/{_TABLE}.png",
        "vector": f"figures/{_TABLE}.svg",
        "numbers": f"figures/{_TABLE}.csv",
    },
    "harness": {"harness": "harness.json"},
    "judge": {"verdicts": f"verdicts/{_TABLE}.json"},
    "report": {"page": "report/index.html", "claims": "report/claims.json"},
}
"""The files of each stage by name, below the results folder of the scale."""

WILDCARDS: dict[str, tuple[str, ...]] = {
    stage: tuple(re.findall(r"{(\w+)}", next(iter(files.values())))) for stage, files in FILES.items()
}
"""What names a job of each stage, in the order of its key."""

LOGS: dict[str, str] = {
    stage: "/".join(["logs", stage, *(f"{{{name}}}" for name in names)]) + ".log" for stage, names in WILDCARDS.items()
}
"""What each stage printed."""


RECORDS: dict[str, str] = {
    stage: "/".join(["records", stage, *(f"{{{name}}}" for name in names)]) + ".json"
    for stage, names in WILDCARDS.items()
}
"""What the files of each stage were made from, and what they are."""

READ_WITH = {"card": "array", "scores": "pictures"}
"""Files, by name, that are read by way of another one: an array by its card, kept pictures by their scores."""


@dataclass(frozen=True)
class Place:
    """A job by where its files lie."""

    root: str
    """Results folder of the scale."""
    stage: str
    wildcards: Mapping[str, str]

    def outputs(self) -> dict[str, str]:
        """Return the paths of all that it writes by name."""
        return {name: path_of(self.root, self.stage, name, self.wildcards) for name in FILES[self.stage]}


def path_of(root: str | Path, stage: str, name: str, wildcards: Mapping[str, str]) -> str:
    """Return the path of the file `name` that the job of `stage` with `wildcards` writes below `root`."""
    return f"{root}/{FILES[stage][name].format(**wildcards)}"


def log_of(root: str | Path, stage: str, wildcards: Mapping[str, str]) -> str:
    """Return the path of the log of the job of `stage` with `wildcards` below `root`."""
    return f"{root}/{LOGS[stage].format(**wildcards)}"


def record_of(root: str | Path, stage: str, wildcards: Mapping[str, str]) -> str:
    """Return the path of the record of the job of `stage` with `wildcards` below `root`."""
    return f"{root}/{RECORDS[stage].format(**wildcards)}"


def found(root: Path, stage: str, name: str) -> Iterator[tuple[dict[str, str], Path]]:
    """Give the files `name` of `stage` that lie below `root`, in the order of their paths, with their wildcards."""
    pattern = FILES[stage][name]
    any_of, named = re.sub(r"\{\w+\}", "*", pattern), _named(pattern)
    for path in sorted(root.glob(any_of)):
        if match := named.fullmatch(path.relative_to(root).as_posix()):
            yield match.groupdict(), path


def of_record(record: str) -> Place | None:
    """Return the job whose record lies at `record`; None where none has one there."""
    for stage, pattern in RECORDS.items():
        root, separator, rest = record.rpartition(f"/records/{stage}{'/' if WILDCARDS[stage] else '.'}")
        if separator and (match := _named(pattern).fullmatch(f"{separator[1:]}{rest}")):
            return Place(root, stage, match.groupdict())
    return None


def makers(root: str, path: str) -> Iterator[tuple[Place, str]]:
    """Give every job that may have written `path` below `root`, with what `FILES` calls it; none for another path."""
    relative = path.removeprefix(f"{root}/")
    if relative == path:
        return
    for stage, files in FILES.items():
        for name, pattern in files.items():
            if match := _named(pattern).fullmatch(relative):
                yield Place(root, stage, match.groupdict()), name


def read_with(stage: str, name: str) -> tuple[str, ...]:
    """Return the names of what is read where the file `name` of `stage` is: that one first."""
    beside = READ_WITH.get(name)
    return (name, beside) if beside in FILES[stage] else (name,)


@cache
def _named(pattern: str) -> re.Pattern[str]:
    """Return the expression that finds the wildcards of a path, whose names stand in `pattern` in braces."""
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(pattern)))
