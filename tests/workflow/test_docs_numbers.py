"""Every figure of README.md, CONTRIBUTING.md and docs/ comes from a command that its page names."""

import ast
import json
import re
import runpy
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from _repository import ROOT

PAGES = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md")))
SNAPSHOT = ROOT / "docs/demo.json"
DEMO = "uv run python docs/demo_numbers.py --write"
BLOCK = re.compile(r"^<!-- (?:made by: (?P<command>.+?)|demo:(?P<demo>\w+)) -->\n(?P<text>.*?)"
                   r"^<!-- /(?:made by|demo:\w+) -->$", re.MULTILINE | re.DOTALL)  # fmt: skip
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
NUMBER = r"(?<![\w.,])[+−-]?\d[\d,]*(?:\.\d+)?"
UNIT = r"\s?(?:ms|s|min|minutes?|seconds?|h|hours?|days?|[kKMG]i?B|dB|%|x|×|times|-?fold)(?!\w)"
WORDS = r"\b(?:two|three|four|five|six|seven|eight|nine|ten|hundred) times\b|\btwice\b"
DECIMAL = r"(?<![\w.])\d+\.\d+(?![\w.]*\d)"
FIGURE = re.compile(f"{NUMBER}{UNIT}|{WORDS}|{DECIMAL}")
SETTINGS = {
    ("README.md", "Python 3.11"): "requires-python of pyproject.toml",
    ("README.md", "CC BY-NC 4.0"): "the name of a licence",
    ("README.md", "Apache-2.0"): "the name of a licence",
    ("README.md", "95 % intervals"): "the level that docs/statistics.md chooses",
    ("docs/statistics.md", "at 95 %"): "the chosen level",
    ("docs/statistics.md", "10,000 times"): "the resamples, a default of lossbench.statistics.intervals.interval",
    ("docs/statistics.md", "the 90 % interval"): "what two one-sided tests at the chosen level amount to",
    ("docs/statistics.md", "F test at 99 %"): "ALIKE of lossbench.statistics.seed_noise",
    ("docs/statistics.md", "5 % of them by an exact binomial test at 1 %"): "lossbench.statistics.false_directions",
    ("docs/statistics.md", "0 / 0.1 / 0.3 / 1 of"): "DEVIATIONS of benchmarks/false_directions.py",
    ("docs/statistics.md", "from 0.75 on"): "the threshold of Bouthillier et al. 2021",
}
"""Numbers that nothing measured, by page; each must still be there."""
TABLES_OF_WORDS = {
    ("README.md", "| paper | table | target |"): "names of published tables",
    ("docs/log-cosh.md", "| to | do |"): "names of published figures",
    ("docs/log-cosh.md", "| setting | value | reason |"): "settings of the configuration",
    ("docs/robust-perceptual.md", "| to | do |"): "names of published tables and figures",
    ("docs/statistics.md", "| interval | and | verdict |"): "rules; test_verdicts.py holds them",
    ("docs/statistics.md", "| cells | verdict |"): "rules; tests/pipeline/judging/test_joint.py holds them",
}
"""Tables whose digits are no results, by page and heading."""


class Made(NamedTuple):
    """A block that a command made."""

    page: str
    command: str
    text: str

    @property
    def script(self) -> Path:
        """Return the script that the command runs."""
        words = shlex.split(self.command)
        assert words[:3] == ["uv", "run", "python"], f"{self.page}: {self.command}"
        return ROOT / words[3]

    @property
    def table(self) -> list[str]:
        """Return the rows of the first table, heading and rule first."""
        return [line for line in self.text.splitlines() if line.startswith("|")]


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def made() -> Iterator[Made]:
    """Give every block of every page."""
    for page in PAGES:
        for found in BLOCK.finditer(text_of(page)):
            yield Made(page, found["command"] or DEMO, found["text"])


def prose(text: str) -> str:
    """Return what stands neither in a block nor in code; line numbers stay."""
    for region in (BLOCK, FENCED, re.compile(r"<!--.*?-->|`[^`\n]+`|(?<=\])\([^)\n]*\)", re.DOTALL)):
        text = region.sub(lambda found: "\n" * found[0].count("\n"), text)
    return text


def loose(page: str, text: str) -> list[str]:
    """Return every figure of `text` that no command accounts for, with its line."""
    rest, heading = prose(text), ""
    for where, phrase in SETTINGS:
        rest = rest.replace(phrase, "") if where == page else rest
    # not line by line: a number and its unit may stand on two
    found = [f"{page}: {match[0]!r}" for match in FIGURE.finditer(re.sub(r"(?m)^\|.*$", "", rest))]
    for number, line in enumerate(rest.splitlines(), 1):
        if not line.startswith("|"):
            heading = ""
            continue
        heading = heading or line
        if re.search(r"(?<![A-Za-z\d])\d", line) and (page, heading) not in TABLES_OF_WORDS:
            found.append(f"{page}:{number}: {line}")
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_figure_stands_in_a_block_that_names_its_command(page: str) -> None:
    assert not loose(page, text_of(page))


@pytest.mark.parametrize(
    "text",
    ["It takes 9 minutes.", "about 3 GB", "+0.6 dB", "in 75 to 85\n% of", "8x", "three times as fast", "it is 0.93",
     "- 12 ms a step", "| a | b |\n| --- | --- |\n| x | 3 |", "1.5×"],
)  # fmt: skip
def test_a_figure_without_a_command_is_found(text: str) -> None:
    assert loose("x.md", f"Words.\n\n{text}\n") != []
    assert loose("x.md", f"<!-- made by: uv run python a.py -->\n{text}\n<!-- /made by -->\n") == []
    assert loose("x.md", f"```\n{text}\n```\n") == []


def test_what_is_no_figure_is_left_alone() -> None:
    assert loose("x.md", "2 CPU cores, table 3 at x4, 4 crops of 96 px, [a](b0.5.md), `0.5 dB`, version 1.2.3\n") == []


def test_every_exception_is_still_needed() -> None:
    for page, phrase in SETTINGS:
        assert phrase in prose(text_of(page)), (page, phrase)
    for page, heading in TABLES_OF_WORDS:
        assert heading in text_of(page).splitlines(), (page, heading)


@pytest.mark.parametrize("page", PAGES)
def test_every_mark_has_its_end(page: str) -> None:
    text = text_of(page)
    marks = re.findall(r"^<!-- (?:made by: .+|demo:\w+) -->$", text, re.MULTILINE)
    ends = re.findall(r"^<!-- /(?:made by|demo:\w+) -->$", text, re.MULTILINE)
    assert len(marks) == len(ends) == len(list(BLOCK.finditer(text)))


@pytest.mark.parametrize("block", [*made()], ids=lambda block: f"{block.page}: {block.command}")
def test_the_command_can_be_run_and_the_reader_sees_it(block: Made) -> None:
    assert block.script.is_file(), block.command
    named = block.script.relative_to(ROOT).as_posix()
    visible = re.sub(r"<!--.*?-->", "", text_of(block.page), flags=re.DOTALL)
    assert f"`uv run python {named}" in visible, f"{block.page} names {named} in a comment only"


@pytest.mark.parametrize(
    "block", [block for block in made() if block.table and block.command != DEMO], ids=lambda block: block.command
)
def test_a_pasted_table_has_the_heading_that_its_command_prints(block: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    source = block.script.read_text(encoding="utf-8")
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    if "def heading()" in source:
        # as Python does for a script
        monkeypatch.syspath_prepend(block.script.parent)
        texts.append(runpy.run_path(str(block.script))["heading"]())
    lines = [line for text in texts if isinstance(text, str) for line in text.splitlines() if line.startswith("| ")]
    _, _, filters = block.command.partition(" | ")
    printed = subprocess.run(["bash", "-c", filters or "cat"], input="\n".join(lines) + "\n", capture_output=True,
                             text=True, check=True).stdout.splitlines()  # fmt: skip
    assert block.table[0] in printed
    assert {row.count(" | ") + row.count("| |") for row in block.table} == {block.table[0].count(" | ")}


def script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(ROOT / f"docs/{name}.py"))


def test_the_demo_blocks_are_what_the_script_makes_of_the_snapshot() -> None:
    assert SNAPSHOT.exists(), f"docs/demo.json is missing; run: {DEMO}"
    kept = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    readme = text_of("README.md")
    assert script("demo_numbers")["page"](readme, kept) == readme, f"run: {DEMO}"


def test_the_snapshot_is_that_of_the_results_here(monkeypatch: pytest.MonkeyPatch) -> None:
    from lossbench.errors import UserError

    report = ROOT / "results/demo/report/claims.json"
    if not report.exists():
        pytest.skip("results/demo has no report; make it by `uv run snakemake report`")
    if not SNAPSHOT.exists() or report.stat().st_mtime < SNAPSHOT.stat().st_mtime:
        pytest.skip("docs/demo.json is not older than the report in results/demo")
    monkeypatch.chdir(ROOT)
    kept = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    try:
        found = script("demo_numbers")["snapshot"](Path("results/demo"))
    except UserError as error:
        pytest.skip(f"results/demo is not finished: {error}")
    for name in ("cpu", "device", "precision", "versions"):
        if found[name] != kept[name]:
            pytest.skip(f"results/demo is of another {name} than docs/demo.json: {found[name]}, {kept[name]}")
    assert deterministic(found) == deterministic(kept), f"run: {DEMO}"


def deterministic(kept: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a snapshot that the same code gives again, to the bit, on the same machine."""
    table = kept["table3"]
    counts = {
        name: {kind: sum(own.values()) for kind, own in entry["claims"].items()}
        for name, entry in kept["tables"].items()
    }
    return {**table, "controls": kept["controls"], "counts": counts, "networks": kept["trained"]["networks"]}


@pytest.mark.parametrize("part", ["floors", "order", "sizes", "limits"])
def test_a_computed_sentence_of_the_statistics_is_what_its_command_prints(part: str) -> None:
    command = f"uv run python docs/statistics_numbers.py {part}"
    (block,) = [block for block in made() if block.command == command]
    assert block.text == script("statistics_numbers")["PARTS"][part]() + "\n", f"run: {command}"


def test_the_sentence_below_the_coverage_table_sums_it_up() -> None:
    (block,) = [block for block in made() if block.command.endswith("interval_coverage.py")]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in block.table[2:]]
    ends = []
    # 10 seeds, 3 seeds, then the plain bootstrap with 3 and 10
    for column in (5, 4, 6, 7):
        shares = [100 * float(row[column]) for row in rows if row[2] == "100"]
        ends.append((min(shares), max(shares)))
    said = re.search(r"holds (\d+) to (\d+) % with 10 seeds and (\d+) to (\d+) % with 3.*?"
                     r"holds (\d+) to (\d+) % and (\d+) to (\d+) %", block.text, re.DOTALL)  # fmt: skip
    assert said is not None
    pairs = list(zip(said.groups()[::2], said.groups()[1::2], strict=True))
    assert [(int(low), int(high)) for low, high in pairs] == [pytest.approx(end, abs=0.51) for end in ends]
    (worst,) = [row for row in rows if row[1] == "log-normal 1" and row[2].startswith("5/")]
    assert "(92 % with 10 seeds)" in block.text and float(worst[5]) == pytest.approx(0.92, abs=0.0051)
