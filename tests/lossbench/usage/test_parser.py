"""How a verb is asked for: help of any width, and one line for what a parser does not take."""

import shlex

import pytest

from lossbench.usage.parser import MISTYPED, Parser, pasteable

COMMAND = 'lossbench compare base ours --seeds "_s{seed}" --target ground_truth/ --metric psnr,niqe --margin psnr=0.05'


def parser(**options: str) -> Parser:
    made = Parser(prog="lossbench scale", description="what it does", **options)
    made.add_argument("folders", nargs="+", metavar="FOLDER")
    for name in ("target", "reference", "protocol", "weights"):
        made.add_argument(f"--{name}", metavar="VALUE")
    made.add_argument("--no-rounding", action="store_true")
    return made


@pytest.mark.parametrize("columns", [1, 20, 40, 80, 400])
def test_an_example_is_one_command_of_a_shell_at_every_width(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = pasteable(COMMAND)
    # a shell leaves out a line break behind a backslash
    assert shlex.split(text.replace("\\\n", "")) == shlex.split(COMMAND)
    lines = text.splitlines()
    assert all(line.startswith("  ") for line in lines) and (len(lines) == 1) == (columns == 400)
    assert all(len(line) <= columns or len(line.split()) <= 2 for line in lines)


@pytest.mark.parametrize("columns", [36, 40, 60])
def test_the_usage_is_no_wider_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    usage = parser().format_help().partition("\n\n")[0]
    assert max(map(len, usage.splitlines())) <= columns
    # an option stays with its value
    for part in ("[--target VALUE]", "[--no-rounding]", "[FOLDER ...]"):
        assert any(part in line for line in usage.splitlines())


def test_the_example_stands_below_the_help_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with_one = parser(example="lossbench scale photos/").format_help()
    assert with_one == f"{parser().format_help()}\nexample:\n  lossbench scale photos/\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: FOLDER"),
        (["a", "--target"], "argument --target: expected one argument"),
    ],
)
def test_a_mistake_is_one_line_that_says_where_help_is(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parser().parse_args(words)
    output, errors = capsys.readouterr()
    assert (stopped.value.code, output) == (MISTYPED, "")
    assert errors == f"error: {message}; lossbench scale --help says what it takes\n"


def test_an_unknown_option_is_told_with_the_nearest_and_a_word_too_many_without(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words, hint in (
        (
            ["--protcol=y", "3"],
            "unrecognized arguments: --protcol=y 3; did you mean '--protocol'? known: --no-rounding",
        ),
        (["more\n"], "unrecognized arguments: more\\n; lossbench scale --help"),
    ):
        with pytest.raises(SystemExit):
            parser().refuse(words)
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: {hint}")
