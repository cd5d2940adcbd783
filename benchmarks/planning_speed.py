"""What planning costs beside Snakemake alone: `python benchmarks/planning_speed.py --scales paper demo`.

CPU seconds of `snakemake -n` in this folder, whose results stay as they are, over those of the same for as many jobs of
a plain Snakefile. The first run reads all code, the second finds what the first kept beside Snakemake's memory. A scale
whose results are finished has no job left, as the demo after `snakemake`; its plain jobs are finished likewise. With
`--seeds 16` a scale is planned with so many seeds.
"""

import argparse
import contextlib
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from in_turn import cpu_of
from stage_steps import CONFIG, plan

from lossbench.files import write_text
from pipeline.config.places import MINE
from pipeline.planning.session import SOURCES

PLAIN = """\
rule all:
    input: [f"made/{number}" for number in range(%d)]
rule make:
    output: "made/{number}"
    shell: "touch {output}"
"""
SNAKEMAKE = (sys.executable, "-m", "snakemake", "-n")
HEADING = """\
| scale | run | jobs | of these to make | ours / plain Snakefile |
| --- | --- | --- | --- | --- |"""


def dry_run(*options: str, folder: Path | None = None) -> tuple[int, float]:
    """Return the jobs that a dry-run plans to make, and the CPU seconds that it takes."""
    seconds, printed = cpu_of([*SNAKEMAKE, *options], folder)
    found = re.search(r"^total\s+(\d+)$", printed, re.MULTILINE)
    return int(found[1]) if found else 0, seconds


def plain(jobs: int, finished: bool) -> float:
    """Return the CPU seconds of a dry-run of a Snakefile with so many `jobs`, the shortest of two."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Snakefile").write_text(PLAIN % jobs, encoding="utf-8")
        (folder / "made").mkdir()
        for number in range(jobs if finished else 0):
            (folder / f"made/{number}").touch()
        runs = [dry_run(folder=folder) for _ in range(2)]
        assert [made for made, _ in runs] == [0 if finished else jobs + 1] * 2
        return min(seconds for _, seconds in runs)


@contextlib.contextmanager
def with_seeds(scale: str, seeds: int | None) -> Iterator[str]:
    """Give the name of a scale that is `scale` with so many `seeds`, its own for None."""
    if seeds is None:
        yield scale
        return
    name = f"{scale}_{seeds}_seeds"
    file = CONFIG / MINE / f"scale/{name}.yaml"
    write_text(file, f"extends: {scale}\ntitle: {name}\nseeds: {list(range(seeds))}\n")
    try:
        yield name
    finally:
        file.unlink()


def compare(scale: str) -> None:
    """Print the rows of a scale."""
    jobs = sum(map(len, plan(scale).jobs.values()))
    other = None
    SOURCES.unlink(missing_ok=True)
    for run in ("first", "second"):
        left, seconds = dry_run("--config", f"scale={scale}")
        other = other or plain(jobs, finished=not left)
        print(f"| {scale} | {run} | {jobs} | {left} | {seconds / other:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", nargs="+", default=["paper", "demo"], help="files of config/scale")
    parser.add_argument("--seeds", type=int, help="as many as given, in place of a scale's own")
    arguments = parser.parse_args()
    print(HEADING, flush=True)
    for given in arguments.scales:
        with with_seeds(given, arguments.seeds) as scale:
            compare(scale)


if __name__ == "__main__":
    main()
