"""The site of the documentation: every page is in its navigation, every link leads somewhere, scripts stay out.

`.ci/run` builds it strictly, which looks at anchors and the API too.
"""

import itertools
import pkgutil
import re
import runpy
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml
from _repository import ROOT

SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
HOOK = runpy.run_path(str(ROOT / "docs/_site.py"))
PAGES: dict[str, str] = HOOK["PAGES"]
"""Pages outside of docs/ by their names on the site."""
PUBLISHED = (".md", ".png", ".ipynb")
ORIGINS = (*PAGES, *sorted(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md")))


def named(entries: Any) -> Iterator[str]:
    """Give the pages of a navigation."""
    for entry in entries:
        for value in entry.values():
            yield from [value] if isinstance(value, str) else named(value)


def test_the_navigation_has_every_page_once() -> None:
    assert sorted(named(SITE["nav"])) == sorted(map(HOOK["place_of"], ORIGINS))


def test_no_script_and_no_data_are_published() -> None:
    left_out = SITE["exclude_docs"].split()
    others = [file.name for file in (ROOT / "docs").iterdir() if file.suffix not in PUBLISHED]
    assert others and all(any(fnmatch(name, pattern) for pattern in left_out) for name in others if "." in name)


@pytest.mark.parametrize("origin", ORIGINS)
def test_every_link_to_a_file_of_the_repository_leads_to_one(origin: str) -> None:
    linked = HOOK["linked"]((ROOT / origin).read_text(encoding="utf-8"), origin)
    assert not [path for path in linked if not (ROOT / path).is_file()]


def test_links_lead_on_the_site_to_where_their_files_lie() -> None:
    relinked = HOOK["relinked"]
    text = "[a](../README.md#use-it) [b](compare.md) [c](../profiles/slurm/config.yaml) `[d](../README.md)` [e](https://x.y/z.md)"
    assert relinked(text, "index.md") == (
        "[a](reproduce.md#use-it) [b](compare.md) [c](source/profiles/slurm/config.yaml) `[d](../README.md)`"
        " [e](https://x.y/z.md)"
    )
    assert relinked("[`f`](docs/statistics.md#controls)", "reproduce.md") == "[`f`](statistics.md#controls)"
    assert relinked("```\n[g](config/a.csv)\n```\n", "reproduce.md") == "```\n[g](config/a.csv)\n```\n"
    assert relinked("[h](../docs/faults.md)", "configuration.md") == "[h](faults.md)"


def test_the_api_has_the_front_door_and_every_shelf() -> None:
    shown = re.findall(r"^::: (\S+)$", (ROOT / "docs/api.md").read_text(encoding="utf-8"), re.MULTILINE)
    doors = [file for file in (ROOT / "lossbench").rglob("__init__.py") if file.read_text(encoding="utf-8").strip()]
    assert {".".join(file.parent.relative_to(ROOT).parts) for file in doors} <= set(shown)
    assert len(shown) == len(set(shown))
    for name in shown:
        assert pkgutil.resolve_name(name).__doc__


def test_the_site_is_built_strictly_before_a_change_lands() -> None:
    assert re.search(r"^run .*mkdocs build --strict", (ROOT / ".ci/run").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("origin", ORIGINS)
def test_lists_have_an_empty_line_before_them(origin: str) -> None:
    # GitHub takes a list without one, the site prints it as text
    text = re.sub(r"^```.*?^```$", "", (ROOT / origin).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = text.splitlines()
    starts = [
        line
        for before, line in itertools.pairwise(lines)
        if re.match(r"(?:[-*]|\d+\.) ", line) and before.strip() and not re.match(r"\s|[-*] |\d+\. |<!--", before)
    ]
    assert not starts
