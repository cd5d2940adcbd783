"""Clips on the page of the report: strips, slices and videos that need no network, and what is said without them."""

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from _chromium import BROWSER, WITHOUT, Page
from _clips_beside import LABELS, beside
from _pages import LOADS, Outline, made, words
from _report_inputs import results, rewrite

from lossbench.formats.video import frames
from pipeline.pages import clips

FOLDER = "compare/mae_loss/table3/video_denoising/photographs/edsr/photographs_clips"


@pytest.fixture
def verdict(tmp_path: Path) -> Path:
    """Return the verdicts of a table of clips, whose runs kept clips that lie side by side."""
    (verdict,) = results(tmp_path)
    root = verdict.parents[2]
    (root / "evaluate/super_resolution_x2").rename(root / "evaluate/video_denoising")
    for folder in root.glob("evaluate/**/photographs_pictures"):
        for picture in folder.iterdir():
            picture.unlink()
        np.save(folder / "bird.npy", np.zeros((2, 8, 8, 3), dtype=np.uint8))
    for path in root.glob("evaluate/**/*.csv"):
        path.write_text(path.read_text().replace("bird", "a").replace("boat", "b"))
    for card in root.glob("train/**/card.json"):
        content = json.loads(card.read_text())
        rewrite(card, spec={**content["spec"], "task": {"name": "video_denoising", "settings": {}}})
    text = verdict.read_text().replace("evaluate/super_resolution_x2", "evaluate/video_denoising")
    verdict.write_text(text.replace('"task": "super_resolution_x2"', '"task": "video_denoising"'))
    beside(tmp_path, root / FOLDER)
    return verdict


def test_the_page_plays_the_clips_without_a_network(verdict: Path, tmp_path: Path) -> None:
    page = made([verdict])
    outline = Outline(page)
    assert outline.tags["video"] == 2 and "media-src data:" in page
    for tag, name, value in outline.attributes:
        if name in LOADS:
            assert value.startswith(("#", "data:", "../tables/")) or value == "claims.json", (
                f"<{tag} {name}={value[:60]}>"
            )
    videos = [value for tag, name, value in outline.attributes if (tag, name) == ("video", "src")]
    for number, video in enumerate(videos):
        head, content = video.split(",")
        assert head == "data:video/mp4;base64"
        file = tmp_path / f"{number}.mp4"
        file.write_bytes(base64.b64decode(content))
        assert len(list(frames(file))) in (6, 10)
    text = words(page)
    assert "no picture kept" not in text and "no clip kept" not in text and 'id="missing"' not in page
    assert f"../{FOLDER}/a.mp4" in text


def test_strips_and_slices_stand_as_pictures_with_their_row_and_their_versions(verdict: Path) -> None:
    page = made([verdict])
    assert re.findall(r'aria-label="edsr, x2, clip (\w+)"', page) == ["a", "b"]
    assert page.count(f"one line a version: {', '.join(LABELS)}") == 4
    assert len(re.findall(r"row \d+: the row that moves most; time downwards", page)) == 2
    assert page.count("data:image/webp") == 4 + 1
    assert "original PSNR 30.40; vgg PSNR 29.80 (-0.60)".replace("-", "\u2212") in words(page)
    assert "6 frames, all 31 x 24 pixels" in words(page)


def test_a_video_too_large_for_the_page_is_named_instead(verdict: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "LARGEST_VIDEO", 100)
    page = made([verdict])
    assert "<video" not in page and page.count("data:image/webp") == 4 + 1
    text = words(page)
    assert "The video is not in this page" in text and f"../{FOLDER}/b.mp4" in text


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("", "clips of edsr, x2 the file does not exist"),
        ("clips.json", "clips of edsr, x2 the file does not exist"),
        ("a.mp4", "video of the clip a the file does not exist"),
        ("a_slice.png", "slice of the clip a "),
    ],
)
def test_what_is_missing_is_named_and_the_rest_is_shown(verdict: Path, gone: str, said: str) -> None:
    path = verdict.parents[2] / FOLDER / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    page = made([verdict])
    Outline(page)
    assert said in words(page.split('id="missing"')[1])
    assert page.count("<video") == {"": 0, "clips.json": 0, "a.mp4": 1, "a_slice.png": 2}[gone]


def test_without_kept_clips_the_page_says_so_of_clips(verdict: Path) -> None:
    root = verdict.parents[2]
    shutil.rmtree(root / FOLDER)
    for file in root.glob("evaluate/**/*.npy"):
        file.unlink()
    missing = words(made([verdict]).split('id="missing"')[1])
    assert "clips of edsr, x2 no clip kept" in missing and "no picture kept" not in missing


@pytest.mark.skipif(BROWSER is None, reason=WITHOUT)
def test_a_browser_plays_the_clips(verdict: Path, tmp_path: Path) -> None:
    made([verdict])
    with Page(tmp_path / "profile") as page:
        page.open((verdict.parents[2] / "report/index.html").as_uri())
        script = """(async () => {
          for (const details of document.querySelectorAll("details")) details.open = true;
          const video = document.querySelector("video");
          video.scrollIntoView();
          await video.play();
          return [video.videoWidth, video.videoHeight, Math.round(video.duration * 10), video.error];
        })()"""
        # two columns and lines of 31 x 24 pixels, five times as large, with gaps and labels, in whole blocks
        assert page.run(script) == [320, 288, 6, None]
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        assert page.complaints == []
