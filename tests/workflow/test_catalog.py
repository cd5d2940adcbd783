"""What the catalog of Snakemake's workflows reads: its own file, config/README.md, where the Snakefile is."""

import json
import re
from pathlib import Path

import pytest
import yaml
from _repository import ROOT, copied, snakemake

PAGE = (ROOT / "config/README.md").read_text(encoding="utf-8")
ENTRIES, FILES = (
    {
        name
        for line in part.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([^`]+)`", line.split("|")[1])
    }
    for part in PAGE.split("## The other files")
)


def test_every_entry_of_the_page_is_one_of_the_configuration_and_none_is_left_out() -> None:
    schema = json.loads((ROOT / "workflow/schemas/config.schema.json").read_text(encoding="utf-8"))
    assert schema["properties"].keys() == ENTRIES


def test_every_file_of_the_page_is_there() -> None:
    patterns = {name: re.sub(r"<\w+>", "*", name) for name in FILES}
    assert patterns
    assert [name for name, pattern in patterns.items() if not list((ROOT / "config").glob(pattern))] == []


def test_the_catalog_is_told_what_the_workflow_can() -> None:
    told = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert told.keys() == {"mandatory-flags", "software-stack-deployment", "report"}
    # conda where rules name an environment, containers where they name one
    rules = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "workflow/rules").glob("*.smk"))
    snakefile = (ROOT / "Snakefile").read_text(encoding="utf-8")
    contained = bool(re.search(r"^\s*container(ized)?:", rules + snakefile, re.MULTILINE))
    deployed = told["software-stack-deployment"]
    assert deployed == {"conda": "conda:" in rules, "apptainer": contained, "apptainer+conda": contained}
    readme = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    assert "snakemake" in readme and "workflow" in readme


@pytest.mark.parametrize("file", ["Snakefile", "workflow/Snakefile"])
def test_the_workflow_is_found_in_either_place(file: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    code, text = snakemake(folder, "--dry-run", "--snakefile", file, "--config", "scale=ci", "--", "mae_loss_table1")
    assert code == 0, text
    assert "Tabulate mae_loss table1" in text
