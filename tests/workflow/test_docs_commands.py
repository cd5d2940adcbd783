"""Every command line of README.md, CONTRIBUTING.md and docs/ is taken by its parser; marked ones run as printed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from _page_folder import furnish
from _repository import ROOT
from _verbs import parsed, run, split, verbs

PAGES = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md")))
RUN_HERE = ("docs/index.md", "docs/choose-a-loss.md", "docs/why-your-psnr-differs.md")
"""Pages whose marked commands run in the folder `pictures`; compare.md and restore.md have tests of their own."""
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
OPTION = re.compile(r"(?<!\S)--[a-z][\w-]*")
CONTINUED = re.compile(r" \\\n\s*")
SEPARATOR = re.compile(r"\s(?:&&|\|\||\||;|>|<<<)(?:\s|$)|\s#\s")
"""What ends a command on a line of a shell."""


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def whole(page: str) -> Iterator[str]:
    """Give each command line that a page prints in a block of a shell."""
    for language, block in FENCED.findall(text_of(page)):
        if language in ("sh", "bash"):
            for line in CONTINUED.sub(" ", block).splitlines():
                yield from SEPARATOR.split(line)


def parts(page: str) -> Iterator[str]:
    """Give what a page prints in a line of text, which may be a part of a command."""
    for found in INLINE.findall(FENCED.sub("", text_of(page))):
        yield from SEPARATOR.split(found.replace("\n", " "))


def commands(lines: Iterator[str]) -> list[tuple[str, list[str]]]:
    """Return program and words of the lines that are of the commands of this project."""
    found = []
    for line in lines:
        try:
            command = split(line)
        except ValueError:
            # an apostrophe in a word that is no command
            continue
        if command is not None and command[1]:
            found.append(command)
    return found


def wrong(program: str, words: list[str]) -> str | None:
    """Return what is wrong with a part of a command: its verb, or an option that the verb has not."""
    verb, *rest = words
    if verb.startswith("<") or verb.isupper() or verb == "--help":
        return None
    if verb not in verbs(program):
        return f"{program} has no verb {verb}"
    usage = usage_of(program, verb)
    unknown = [option for option in OPTION.findall(" ".join(rest)) if option not in usage]
    return f"{program} {verb} has no {unknown[0]}" if unknown else None


def usage_of(program: str, verb: str) -> set[str]:
    from lossbench.usage.parser import Parser

    parser = Parser(prog=f"{program} {verb}")
    verbs(program)[verb].options(parser)
    return set(re.findall(r"--[\w-]+", parser.format_usage())) | {"--help"}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_in_a_block_is_taken_as_it_stands(page: str) -> None:
    for program, words in commands(whole(page)):
        assert parsed(program, words).verb == words[0]


@pytest.mark.parametrize("page", PAGES)
def test_every_verb_and_option_in_the_text_is_there(page: str) -> None:
    assert not [fault for program, words in commands(parts(page)) if (fault := wrong(program, words))]


def test_there_are_commands_to_look_at() -> None:
    found = {page: len(commands(whole(page))) + len(commands(parts(page))) for page in PAGES}
    assert found["README.md"] >= 8 and found["docs/compare.md"] >= 3 and found["docs/restore.md"] >= 8


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("lossbench mesure a b --metric psnr", "no verb mesure"),
        ("uv run python -m pipeline plan --scael paper", "no --scael"),
        ("python -m lossbench compare a b --tagret t", "no --tagret"),
        ("lossbench probe LOSS --weights FILE --output FOLDER", None),
    ],
)
def test_a_command_that_is_none_is_found(line: str, fault: str | None) -> None:
    ((program, words),) = commands(iter([line]))
    found = wrong(program, words)
    assert found is None if fault is None else fault in str(found)
    if fault:
        with pytest.raises(AssertionError):
            parsed(program, words)


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go where the folders and files of the pages are."""
    monkeypatch.chdir(furnish(tmp_path))


@pytest.mark.parametrize("page", RUN_HERE)
def test_the_marked_commands_and_lines_run_as_printed(
    page: str, pictures: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    marked = re.findall(r"^<!-- (run|python) -->\n```\w+\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)
    assert marked
    for kind, block in marked:
        if kind == "python":
            exec(compile(block, page, "exec"), {})
            continue
        for line in CONTINUED.sub(" ", block).splitlines():
            command = split(line)
            assert command is not None and run(*command, monkeypatch) == 0, line
            assert capsys.readouterr().out.strip(), shlex.quote(line)
