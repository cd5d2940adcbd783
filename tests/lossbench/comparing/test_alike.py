"""Folders whose scores are of other things, or of one run twice, are refused; what is not compared is said."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _restored import plant, save
from PIL import Image

import lossbench
from lossbench import __main__ as command_line
from lossbench.comparing.words import columns
from lossbench.errors import UserError

PAIR = ["a_s0", "b_s0", "--target", "target", "--metric"]
SEEDED = ["a", "b", "--seeds", "_s{seed}", "--target", "target", "--metric", "psnr"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return plant(tmp_path, {"a_s0": 8.0, "a_s1": 8.5, "b_s0": 16.0, "b_s1": 16.5}, pictures=3)


@pytest.fixture
def run(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs `compare` and gives exit code, output and errors."""

    def outcome(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lossbench", "compare", *arguments])
        code = 0
        try:
            command_line.main()
        except SystemExit as stopped:
            code = int(str(stopped.code))
        return code, *capsys.readouterr()

    return outcome


def grey(folder: str) -> None:
    for path in Path(folder).iterdir():
        Image.open(path).convert("L").save(path)


@pytest.mark.parametrize("target", ["colour", "grey"])
@pytest.mark.parametrize("options", [[], ["--protocol", "y"]])
def test_grey_pictures_under_one_folder_alone_are_refused(run: Any, target: str, options: list[str]) -> None:
    grey("b_s0")
    if target == "grey":
        grey("target")
    code, output, errors = run(*PAIR, "psnr", *options)
    line = errors.splitlines()[0]
    assert (code, output) == (1, "") and "b_s0/p0.png is grey, a_s0/p0.png is in colour: psnr would compare" in line
    assert line.endswith("score both by --protocol gray, or convert one")
    if target == "colour":
        assert run(*PAIR, "sam")[2].splitlines()[0].endswith("of the one than of the other; convert one")
    found = json.loads(run(*PAIR, "psnr", "--protocol", "gray", "--json")[1])
    assert found["metrics"]["psnr"]["protocol"] == "gray, crop 0, 8-bit"


def _unlike(kind: str) -> str:
    """Make the last picture of a folder unlike its partner; returns what is said of it."""
    if kind == "grey":
        Image.open("b_s0/p2.png").convert("L").save("b_s0/p2.png")
        return "b_s0/p2.png is grey, a_s0/p2.png is in colour"
    if kind == "single":
        for folder in ("a_s0", "b_s0", "target"):
            for number in (1, 2):
                Path(folder, f"p{number}.png").unlink()
        return "a_s0 holds one picture; an interval needs two or more"
    save(Path("b_s0/p2.png"), np.full((12, 11, 3), 90))
    partner = "a_s0" if kind == "alone" else "target"
    return f"b_s0/p2.png: 12x11 pixels, {partner}/p2.png: 12x12 pixels; give pictures of one size"


@pytest.mark.parametrize("kind", ["grey", "single", "size", "alone"])
def test_what_headers_say_is_refused_before_anything_is_scored(
    kind: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = _unlike(kind)
    monkeypatch.setattr("lossbench.comparing.scores.score_all", lambda *_: pytest.fail("scored"))
    given = ["a_s0", "b_s0", "--metric", "niqe"] if kind == "alone" else [*PAIR, "psnr"]
    assert line in run(*given)[2]


def test_a_turned_picture_is_one_of_the_size_that_is_seen(run: Any) -> None:
    for folder in ("a_s0", "b_s0", "target"):
        save(Path(folder, "p2.png"), np.random.default_rng(len(folder)).uniform(60, 190, (12, 20, 3)))
    turned = Image.Exif()
    turned[0x0112] = 6
    picture = Image.open("a_s0/p2.png").transpose(Image.Transpose.ROTATE_90)
    expected = run(*PAIR, "psnr", "--json")[1]
    picture.save("a_s0/p2.png", exif=turned)
    assert run(*PAIR, "psnr", "--json")[1] == expected


def test_grey_pictures_under_all_folders_are_compared(run: Any) -> None:
    for folder in ("a_s0", "b_s0"):
        grey(folder)
    assert run(*PAIR, "psnr", "--json")[0] == 0


def test_copies_of_one_run_are_no_seeds(run: Any) -> None:
    assert run(*SEEDED)[0] == 0
    shutil.rmtree("b_s1")
    shutil.copytree("b_s0", "b_s1")
    code, output, errors = run(*SEEDED)
    assert (code, output) == (1, "")
    assert errors.startswith("error: b_s0 and b_s1 have the same scores in every metric, as copies of one run have")
    for number in range(3):
        for seed in range(2):
            shutil.copy(f"target/p{number}.png", f"b_s{seed}")
    assert "not judged" in run(*SEEDED)[1]


def test_a_folder_that_is_no_seed_beside_others_is_named(run: Any) -> None:
    for name in "ab":
        shutil.copytree(f"{name}_s0", f"{name}_s0_old")
    errors = run(*SEEDED)[2]
    assert "error: a_s0_old: 0_old is no number, as the seed 0 beside it is; move it away" in errors
    for name in "ab":
        save(Path(f"{name}_s0_old/p0.png"), np.full((12, 12, 3), 90 + ord(name)))
    folders = [f"{name}_s{seed}" for name in "ab" for seed in ("0", "1", "0_old")]
    given = [*folders, "--seeds", "{folder}_s{seed}", *SEEDED[4:], "--json"]
    assert sorted(json.loads(run(*given)[1])["seeds"]) == ["0", "0_old", "1"]


def test_a_suffix_is_that_of_all_pictures_of_a_folder(run: Any) -> None:
    Path("a_s0/p1.png").rename("a_s0/p1_x4.png")
    errors = run(*PAIR, "psnr", "--suffix", "_x4")[2]
    assert errors == "error: --suffix _x4: a_s0/p1_x4.png has it, a_s0/p0.png does not; name all of a folder alike\n"
    for number in (0, 2):
        Path(f"a_s0/p{number}.png").rename(f"a_s0/p{number}_x4.png")
    assert run(*PAIR, "psnr", "--suffix", "_x4")[0] == 0


@pytest.mark.parametrize("clip", [[], ["--clip"]])
def test_sub_folders_beside_a_single_picture_are_named(run: Any, clip: list[str]) -> None:
    for folder in ("a_s0", "b_s0", "target"):
        Path(folder, "more").mkdir()
        for number in (1, 2):
            Path(folder, f"p{number}.png").rename(Path(folder, "more", f"p{number}.png"))
    errors = run(*PAIR, "psnr", *clip)[2].splitlines()
    line = errors[-1]
    assert f"a_s0 holds one {'clip' if clip else 'picture'} itself, and the sub-folder more beside it is passed" in line


def test_a_margin_that_decides_nothing_is_said(run: Any) -> None:
    words = "the margin decides nothing: one run a folder gives no direction and no equivalence"
    assert words in json.loads(run(*PAIR, "psnr", "--margin", "0.1", "--json")[1])["notes"]
    assert words not in json.loads(run(*PAIR, "psnr", "--json")[1])["notes"]
    assert words not in json.loads(run(*SEEDED, "--margin", "0.1", "--json")[1])["notes"]


def test_a_picture_that_has_a_partner_is_not_called_the_nearest(run: Any) -> None:
    Path("b_s0/p1.png").unlink()
    assert "p1.png has no partner in b_s0; name both alike" in run(*PAIR, "psnr")[2]
    Path("b_s0/p_1.png").write_bytes(Path("b_s0/p2.png").read_bytes())
    assert "b_s0/p_1.png has no partner in target; the nearest is p1.png" in run(*PAIR, "psnr")[2]
    Path("target/p2.png").rename("target/p-2.png")
    assert "a_s0/p2.png has no partner in target; the nearest is p-2.png" in run(*PAIR, "psnr")[2]


def test_a_file_behind_a_form_is_told_how_to_be_written(run: Any) -> None:
    code, output, errors = run(*PAIR, "psnr", "--html", "out.html")
    assert (code, output) == (1, "")
    assert errors == (
        "error: --html out.html: --html takes no value, it prints; write a file by > out.html behind the command\n"
    )
    assert "--clip 3: --clip takes no value, leave it out" in run(*PAIR, "psnr", "--clip", "3")[2]
    code, _, errors = run(*PAIR, "psnr", "--marginn", "3")
    assert code == 2 and errors.startswith("error: unrecognized arguments: --marginn 3; did you mean '--margin'?")


def test_wide_characters_stand_in_their_columns(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [columns(text) for text in ("abc", "画像", "e\u0301", "")] == [3, 4, 1, 0]
    Path("b_s0").rename("画像")
    monkeypatch.setenv("COLUMNS", "100")
    lines = run("a_s0", "画像", *PAIR[2:], "psnr")[1].splitlines()
    head, own = (next(line for line in lines if line.startswith(start)) for start in ("  folder", "  画像"))
    assert columns(own[: own.index("lower")]) == columns(head[: head.index("verdict")])


def test_a_result_says_which_folders_and_metrics_it_has(here: Path) -> None:
    result = lossbench.compare("a_s0", "b_s0", "target", "psnr")
    for folder, metric, words in (
        ("b_s1", "psnr", "'b_s1': no folder compared; did you mean 'b_s0'? known: a_s0, b_s0"),
        ("b_s0", "pnsr", "'pnsr': no metric compared; did you mean 'psnr'? known: psnr"),
        ("a_s0", "psnr", "a_s0 is the reference; ask for b_s0"),
    ):
        with pytest.raises(UserError) as caught:
            result.of(folder, metric)
        assert str(caught.value) == words and isinstance(caught.value, KeyError)
    with pytest.raises(UserError, match="no folder compared"):
        result.mean("c", "psnr")
