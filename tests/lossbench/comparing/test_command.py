"""The verb compare on real files: what it prints in which form, how it matches, and what it refuses in one line."""

import csv
import io
import json
import math
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _repository import ROOT
from _restored import plant, save

import lossbench
from lossbench import __main__ as command_line
from lossbench.errors import UserError
from lossbench.metrics import score

NOISE = {"ours_seed0": 8.0, "ours_seed1": 8.5, "theirs_seed0": 16.0, "theirs_seed1": 16.5}
SEEDED = ["theirs", "ours", "--seeds", "_seed{seed}", "--suffix", "_x4", "--target", "target", "--metric", "psnr"]
PAIR = ["theirs_seed0", "ours_seed0", "--suffix", "_x4", "--target", "target", "--metric", "psnr"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of which the pictures of two methods under two seeds lie, and the ground truth."""
    monkeypatch.chdir(tmp_path)
    return plant(tmp_path, NOISE, suffix="_x4")


@pytest.fixture
def printed(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs `compare` and gives what it prints."""

    def text(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["lossbench", "compare", *arguments])
        command_line.main()
        return capsys.readouterr().out

    return text


@pytest.fixture
def error(printed: Any, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs `compare` and gives the one line that it fails with."""

    def line(*arguments: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            printed(*arguments)
        assert stopped.value.code == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        (text,) = captured.err.splitlines()
        return str(text)

    return line


def test_seeds_are_averaged_and_the_better_folder_is_named(here: Path, printed: Any) -> None:
    found = json.loads(printed(*SEEDED, "--margin", "1", "--json"))
    (one,) = found["comparisons"]
    assert (found["reference"], found["folders"], found["seeds"]) == ("theirs", ["theirs", "ours"], ["0", "1"])
    assert (one["folder"], one["direction"], one["share"]) == ("ours", "better", 1.0)
    assert one["verdict"] == "better by more than the margin"
    assert one["low"] < one["difference"] < one["high"]
    assert one["difference"] == pytest.approx(20 * math.log10(16 / 8), abs=0.5)
    pictures = [np.asarray(_pixels(here / folder)) for folder in ("ours_seed1/p2_x4.png", "target/p2.png")]
    assert found["scores"]["psnr"]["ours"]["1"]["p2"] == score("psnr", *pictures)
    assert found["metrics"]["psnr"]["protocol"] == "RGB, crop 0, 8-bit"
    assert not any("seed" in words for words in found["not_covered"])


def _pixels(path: Path) -> Any:
    from lossbench.images import read_image

    return read_image(path).transpose(2, 0, 1) / 255


def test_one_run_a_folder_gives_no_direction_and_says_what_is_not_covered(printed: Any) -> None:
    found = json.loads(printed(*PAIR, "--json"))
    assert found["comparisons"][0]["verdict"] == "higher in one run" and found["comparisons"][0]["direction"] is None
    assert any(words.startswith("other seeds: one run a folder") for words in found["not_covered"])
    text = printed(*PAIR)
    assert "psnr (dB, higher is better)" in text and "protocol: RGB, crop 0, 8-bit" in text
    assert "not covered: other seeds" in text and "of pictures: higher in one run" in " ".join(text.split())


@pytest.mark.parametrize("options", [["--seeds", "_seed{seed}"], []])
def test_no_line_is_wider_than_a_narrow_terminal(
    here: Path, printed: Any, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    for folder in list(here.iterdir()):
        folder.rename(here / folder.name.replace("theirs", "of-a-name-that-is-longer-than-such-a-terminal-is-wide"))
    folders = ["of-a-name-that-is-longer-than-such-a-terminal-is-wide", "ours"]
    folders = folders if options else [f"{folder}_seed0" for folder in folders]
    given = [*folders, *options, "--suffix", "_x4", "--target", "target", "--metric", "psnr,sam", "--margin", "psnr=1"]
    for columns in (40, 80, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        text = printed(*given)
        assert max(map(len, text.splitlines())) <= columns and "\x1b" not in text
        assert "verdict" in text and "sam (rad, lower is better)" in " ".join(text.split())


def test_csv_json_and_python_say_the_same(here: Path, printed: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(printed(*SEEDED, "--csv"))))
    (one,) = json.loads(printed(*SEEDED, "--json"))["comparisons"]
    result = lossbench.compare("theirs", "ours", "target", "psnr", suffix="_x4", seeds="_seed{seed}")
    assert [row["folder"] for row in rows] == ["ours"] and float(rows[0]["low"]) == one["low"]
    assert result.of("ours", "psnr").low == one["low"] and result.frame()["verdict"].tolist() == [one["verdict"]]
    assert set(rows[0]) == set(one) == set(result.frame().columns)
    assert len(result.score_frame()) == 2 * 2 * 4
    assert str(result) == printed(*SEEDED).rstrip("\n")
    assert printed(*SEEDED, "--tex").count(r"$^\dagger$") == 2
    with pytest.raises(KeyError):
        result.of("theirs", "psnr")


def test_a_frame_without_pandas_names_what_brings_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = lossbench.compare("theirs_seed0", "ours_seed0", "target", "psnr", suffix="_x4")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        UserError, match=r'needs the package pandas; install it by `pip install "lossbench\[pipeline\]"`'
    ):
        result.frame()
    assert result.rows()[0]["folder"] == "ours_seed0"


def test_python_takes_folders_and_metrics_in_every_form(here: Path) -> None:
    made = lossbench.create_metric("psnr", protocol="y601")
    result = lossbench.compare(
        Path("theirs_seed0"), ["ours_seed0", "ours_seed1"], "target", [made, "sam"], suffix="_x4"
    )
    assert [(one.metric, one.folder) for one in result.estimates] == [
        (metric, folder) for metric in ("sam", "psnr") for folder in ("ours_seed0", "ours_seed1")
    ]
    assert result.table.protocols["psnr"].startswith("Y (BT.601)")
    for wrong, words in (
        ({"others": None}, "compare: None is no path"),
        ({"metric": [3]}, "metric: 3 is no name"),
        ({"metric": []}, "metric: none named"),
        ({"margin": True}, "margin true: not a positive number"),
        ({"jobs": 0}, "jobs 0: not a whole number"),
        ({"target": 3}, "target: 3 is no path"),
    ):
        given = {"reference": "theirs_seed0", "others": "ours_seed0", "target": "target", "metric": "psnr", **wrong}
        with pytest.raises(UserError, match=words):
            lossbench.compare(**given, suffix="_x4")


class Balanced(HTMLParser):
    """Counts what is opened and closed, and keeps the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert not any(name in ("src", "href") for name, _ in attrs)
        self.open += [tag] if tag != "meta" else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_names_are_escaped_in_every_form(here: Path, printed: Any) -> None:
    odd = '<b>&_50%,"a"'
    (here / "ours_seed0").rename(here / odd)
    given = ["theirs_seed0", odd, *PAIR[2:]]
    page = Balanced()
    page.feed(printed(*given, "--html"))
    assert not page.open and odd in page.text
    tex = printed(*given, "--tex")
    assert r'\textless{}b\textgreater{}\&\_50\%,"a"' in tex and "psnr (dB)" in tex
    for mark in ("toprule", "midrule", "bottomrule", "begin{tabular}{lrr}", "end{tabular}"):
        assert tex.count(f"\\{mark}") == 1
    rows = [line for line in tex.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 3 and all(row.count(" & ") == 2 for row in rows)
    assert "dagger" not in tex
    assert "$-$" in printed(*given, "--reference", odd, "--tex")
    (row,) = csv.DictReader(io.StringIO(printed(*given, "--csv")))
    assert row["folder"] == odd
    assert json.loads(printed(*given, "--json"))["folders"][1] == odd


def test_processes_change_no_number(here: Path, printed: Any) -> None:
    texts = [printed(*SEEDED, "--json", *jobs) for jobs in ([], ["--jobs", "1"], ["--jobs", "2"])]
    assert texts[0] == texts[1] == texts[2]


def test_a_metric_without_target_is_compared_alone_or_beside_the_ground_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plant(tmp_path, {"a": 4.0, "b": 20.0}, pictures=2, side=200))
    alone = lossbench.compare("a", "b", metric=["niqe"])
    assert alone.target_mean("niqe") is None and alone.of("b", "niqe").better == "down"
    beside = lossbench.compare("a", "b", target="target", metric="niqe,psnr")
    one, other = (found.of("b", "niqe") for found in (beside, alone))
    assert (one.difference, one.low, one.verdict) == (other.difference, other.low, other.verdict)
    values = [score("niqe", _pixels(Path("target") / f"p{number}.png")) for number in range(2)]
    assert beside.target_mean("niqe") == np.mean(values) and beside.target_mean("psnr") is None
    assert "ground truth" in str(beside)
    with pytest.raises(UserError, match="psnr compares with a target; give its folder by target"):
        lossbench.compare("a", "b", metric="psnr")


def test_sub_folders_are_matched_by_their_paths_and_clips_count_once(here: Path, printed: Any) -> None:
    for folder in ("theirs_seed0", "ours_seed0", "target"):
        for number in range(4):
            suffix = "" if folder == "target" else "_x4"
            clip = here / folder / f"clip{number % 2}"
            clip.mkdir(exist_ok=True)
            (here / folder / f"p{number}{suffix}.png").rename(clip / f"p{number}{suffix}.png")
    found = json.loads(printed(*PAIR, "--json"))
    assert sorted(found["scores"]["psnr"]["ours_seed0"][""]) == ["clip0/p0", "clip0/p2", "clip1/p1", "clip1/p3"]
    assert any("2 sub-folders" in words for words in found["not_covered"])
    clips = json.loads(printed(*PAIR[:-1], "psnr,psnr_video", "--clip", "--json"))
    values = found["scores"]["psnr"]["ours_seed0"][""]
    assert clips["of"] == "clips" and clips["scores"]["psnr"]["ours_seed0"][""] == {
        "clip0": pytest.approx(np.mean([values["clip0/p0"], values["clip0/p2"]])),
        "clip1": pytest.approx(np.mean([values["clip1/p1"], values["clip1/p3"]])),
    }
    assert set(clips["scores"]["psnr_video"]["ours_seed0"][""]) == {"clip0", "clip1"}


def test_another_reference_is_named(printed: Any) -> None:
    found = json.loads(printed(*PAIR, "--reference", "ours_seed0", "--json"))
    assert found["folders"] == ["ours_seed0", "theirs_seed0"] and found["comparisons"][0]["difference"] < 0


def test_what_can_not_be_compared_is_one_line(here: Path, error: Any, tmp_path: Path) -> None:
    assert "unknown metric 'pnsr'" in (line := error(*PAIR[:-1], "pnsr")) and "did you mean 'psnr'" in line
    assert "theirs_seed0 is given twice" in error("theirs_seed0", "theirs_seed0", *PAIR[2:])
    assert "--target target is the folder target, which is compared" in error("ours_seed0", "target", *PAIR[4:])
    assert "fid is one number of a whole set" in error(*PAIR[:-1], "fid")
    assert "add --clip" in error(*PAIR[:-1], "psnr_video")
    assert "--margin 0: not a positive number" in error(*PAIR, "--margin", "0")
    assert "--margin ssim: no metric asked for; known: psnr" in error(*PAIR, "--margin", "ssim=0.1")
    assert "--jobs none: not a whole number from 1" in error(*PAIR, "--jobs", "none")
    assert error(*PAIR[:3], "_x8", *PAIR[4:]).endswith("; no name there ends in --suffix _x8")
    assert error(*PAIR[:2], *PAIR[4:]).endswith("; or give --suffix _x4")
    (tmp_path / "empty").mkdir()
    assert "empty holds no picture" in error("theirs_seed0", "empty", *PAIR[2:])
    assert "--target: nowhere is missing; give a folder" in error(*PAIR[:5], "nowhere", *PAIR[6:])


def test_pictures_that_some_folders_lack_are_named(here: Path, error: Any) -> None:
    (here / "ours_seed0" / "p1_x4.png").unlink()
    (here / "ours_seed0" / "p3_x4.png").unlink()
    line = error(*PAIR)
    assert "target/p1.png has no partner in ours_seed0 (and 1 more files: p3.png)" in line
    without = error("theirs_seed0", "ours_seed0", "--metric", "niqe")
    assert "theirs_seed0/p1_x4.png has no partner in ours_seed0 (and 1 more files: p3_x4.png)" in without


def test_pictures_of_two_sizes_and_a_single_one_are_named(here: Path, error: Any) -> None:
    save(here / "ours_seed0" / "p1_x4.png", np.zeros((11, 12, 3)))
    assert "ours_seed0/p1_x4.png: 11x12 pixels, target/p1.png: 12x12 pixels" in error(*PAIR)
    for folder in ("theirs_seed0", "ours_seed0", "target"):
        for path in sorted((here / folder).iterdir())[1:]:
            path.unlink()
    assert "theirs_seed0 holds one picture; an interval needs two or more" in error(*PAIR)


def test_a_script_without_a_guard_gets_one_line(here: Path) -> None:
    script = here / "script.py"
    call = "lossbench.compare('theirs_seed0', 'ours_seed0', 'target', 'psnr', suffix='_x4', jobs=2)"
    script.write_text(f"import lossbench\n{call}\n", encoding="utf-8")
    given = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=here, env=given, check=False)
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert "jobs 2: a process ended" in line and "--jobs" not in line
    assert "put the call below `if __name__ == '__main__':`" in line
    assert "bootstrapping" not in done.stderr
