"""What Snakemake itself takes of a processor beside many jobs: `python benchmarks/many_jobs.py`.

A plain Snakefile of jobs that sleep, all ready at once, two at a time: with what our Snakefile changes in how Snakemake
looks for jobs to start (`session.look_when_jobs_end`), over without it. CPU seconds of Snakemake's own process.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

SNAKEFILE = """\
from pipeline.planning import session

import time

onstart:
    {change}

onsuccess:
    print("took", time.process_time())

rule all:
    input: expand("{{number}}.txt", number=range({jobs}))

rule one:
    output: "{{number}}.txt"
    shell: "sleep 1; touch {{output}}"
"""
CHANGE = "session.look_when_jobs_end(workflow)"
HEADING = """\
| jobs of 1 s, all ready | after / before |
| --- | --- |"""
NUMBERS = (50, 200)
"""Of jobs."""


def cpu_seconds(jobs: int, change: str) -> float:
    """Return what Snakemake takes of a processor in a run of so many jobs."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Snakefile").write_text(SNAKEFILE.format(jobs=jobs, change=change))
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet", "--directory", folder]
        run = subprocess.run(
            [*command, "--snakefile", f"{folder}/Snakefile"], check=True, capture_output=True, text=True
        )
    return float(run.stdout.split("took ")[1].split()[0])


def main() -> None:
    """Print the table of `docs/performance.md`."""
    print(HEADING)
    for jobs in NUMBERS:
        print(f"| {jobs} | {cpu_seconds(jobs, CHANGE) / cpu_seconds(jobs, 'pass'):.2f} |", flush=True)


if __name__ == "__main__":
    main()
