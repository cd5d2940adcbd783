"""What an earlier run made is kept, what was made otherwise is not taken for it, and what fails takes nothing along."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from _models import EDSR, Verb, levels, save_identity, save_model
from conftest import picture
from PIL import Image

from lossbench.files import written_atomically
from lossbench.formats import png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder of two pictures, one of them in a sub-folder."""
    for name in ("a.png", "deeper/b.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        png.write_levels(tmp_path / "in" / name, levels(8, 9, seed=len(name)))
    return tmp_path / "in"


def outcome(restore: Verb, *arguments: object) -> dict[str, list[str]]:
    found = restore.json(*arguments)
    return {key: [Path(row["output"]).name for row in found[key]] for key in ("made", "kept")}


def test_what_is_there_is_kept_and_what_is_of_another_source_is_made(
    folder: Path, identity: Path, restore: Verb
) -> None:
    command = (folder, folder.parent / "out", "--model", identity)
    assert outcome(restore, *command) == {"made": ["a.png", "b.png"], "kept": []}
    assert f"kept {folder.parent / 'out/a.png'}\n" in restore(*command)
    assert outcome(restore, *command, "--overwrite") == {"made": ["a.png", "b.png"], "kept": []}
    changed = folder / "deeper" / "b.png"
    png.write_levels(changed, levels(8, 9, seed=99))
    # as an archive unpacks it
    os.utime(changed, (0, 0))
    assert outcome(restore, *command) == {"made": ["b.png"], "kept": ["a.png"]}
    assert outcome(restore, *command) == {"made": [], "kept": ["a.png", "b.png"]}
    assert "was made otherwise" in restore.error(*command, "--tile", "64")


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("content", [b"", b"letters to a friend", png.SIGNATURE + b"cut short"])
def test_what_is_not_whole_is_never_ours(
    name: str, content: bytes, folder: Path, identity: Path, tmp_path: Path, restore: Verb
) -> None:
    out = tmp_path / name
    out.write_bytes(content)
    line = restore.error(folder / "a.png", out, "--model", identity)
    assert f"{out} is there and is none of lossbench restore's, or not whole" in line and "--overwrite" in line
    assert out.read_bytes() == content
    assert restore(folder / "a.png", out, "--model", identity, "--overwrite").startswith("made")


def test_what_another_model_made_and_what_is_no_result_is_refused(
    folder: Path, identity: Path, tmp_path: Path, restore: Verb
) -> None:
    out = tmp_path / "out"
    restore(folder, out, "--model", identity)
    other = save_identity(tmp_path / "other.safetensors", value=0.1)
    (folder / "0.png").write_bytes((folder / "a.png").read_bytes())
    line = restore.error(folder, out, "--model", other)
    assert f"{out / 'a.png'} is there and was made otherwise (model '" in line and "--overwrite" in line
    assert not (out / "0.png").exists()
    restore(folder, out, "--model", other, "--overwrite")
    Image.fromarray(levels(8, 9)).save(out / "a.png")
    assert f"{out / 'a.png'} is there and is none of" in restore.error(folder, out, "--model", other)


def test_a_picture_that_fails_takes_no_other_along(folder: Path, identity: Path, tmp_path: Path, restore: Verb) -> None:
    broken = folder / "broken.png"
    broken.write_bytes((folder / "a.png").read_bytes()[:100])
    lines = restore.lines(folder, tmp_path / "out", "--model", identity)
    assert [line.startswith("error: ") for line in lines] == [True, True]
    assert f"{broken} is not a readable picture" in lines[0]
    assert lines[1] == "error: 1 of 3 can't be restored, as said above; all else is made; mend and rerun"
    assert (tmp_path / "out/a.png").exists() and (tmp_path / "out/deeper/b.png").exists()
    assert not [path for path in (tmp_path / "out").rglob("*") if "partial" in path.name]


def test_json_says_what_fails_in_place_of_standard_error(
    folder: Path, identity: Path, tmp_path: Path, restore: Verb
) -> None:
    broken = folder / "broken.png"
    broken.write_bytes((folder / "a.png").read_bytes()[:100])
    for source, words in ((folder, "1 of 3 can't be restored, as the JSON says; all else is made"), (broken, "1 of 1")):
        with pytest.raises(SystemExit):
            restore(source, tmp_path / "out", "--model", identity, "--json")
        said = restore.captured.readouterr()
        (failed,) = json.loads(said.out)["failed"]
        assert failed["source"] == str(broken) and "is not a readable picture" in failed["error"]
        assert said.err.startswith(f"error: {words}") and said.err.count("\n") == 1


def test_how_a_picture_is_restored_is_said_of_none_that_fails(folder: Path, tmp_path: Path, restore: Verb) -> None:
    whole = save_model(tmp_path / "vae.safetensors", "vae", {"side": 8, "width": 4, "latent": 4})
    lines = restore.lines(folder, tmp_path / "out", "--model", whole)
    assert [line.startswith("error: ") for line in lines] == [True] * 3
    assert lines[2] == "error: 2 of 2 can't be restored, as said above; mend and rerun"
    png.write_levels(folder / "a.png", levels(8, 8))
    words = "RGB, for a network of grey pictures: each band is restored by itself"
    assert f"warning: {folder / 'a.png'}: {words}" in restore.lines(folder, tmp_path / "out", "--model", whole)


def test_a_picture_that_a_folder_passes_over_is_refused_by_itself(
    folder: Path, identity: Path, tmp_path: Path, restore: Verb
) -> None:
    Image.new("L", (8, 8)).save(folder / "x.gif")
    line = restore.error(folder / "x.gif", tmp_path / "out", "--model", identity)
    assert line == f"{folder / 'x.gif'}: .gif is not restored; convert it, a picture to .png, a clip to .mp4"
    told = restore.told(folder, tmp_path / "out", "--model", identity)
    assert told == [f"warning: {folder}: the file x.gif passed over"]


def test_a_full_disk_ends_it_and_leaves_what_is_made(
    folder: Path, identity: Path, tmp_path: Path, restore: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = png.write_levels

    def full(path: Path, *arguments: object) -> None:
        if path.name == "b.png":
            with written_atomically(path):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written(path, *arguments)  # type: ignore[arg-type]

    shutil.copy(folder / "a.png", folder / "deeper" / "c.png")
    monkeypatch.setattr(png, "write_levels", full)
    line = restore.error(folder, tmp_path / "out", "--model", identity)
    assert line == f"{tmp_path / 'out/deeper/b.png'}: No space left on device; make room there and rerun"
    assert (tmp_path / "out/a.png").exists() and not (tmp_path / "out/deeper/c.png").exists()


def test_places_that_can_not_be_are_named(folder: Path, identity: Path, tmp_path: Path, restore: Verb) -> None:
    model, out = ("--model", identity), tmp_path / "out"
    assert "is the folder that is to be restored; give another" in restore.error(folder, folder, *model)
    assert "is what is to be restored" in restore.error(folder / "a.png", folder / "a.png", *model)
    assert "none is missing; give a picture" in restore.error(tmp_path / "none", out, *model)
    assert "ends in .jpg; a picture, without loss, is written to .png or" in restore.error(
        folder / "a.png", tmp_path / "a.jpg", *model
    )
    assert "ends in .gif; a picture, without loss, is written to .png or" in restore.error(
        folder / "a.png", tmp_path / "a.gif", *model
    )
    assert "is the name of a file" in restore.error(folder, tmp_path / "out.png", *model)
    assert "is the name of a file" in restore.error(folder, tmp_path / "out.gif", *model)
    assert "PICTURES: '' is no path" in restore.error("", out, *model)
    assert "OUT: '' is no path" in restore.error(folder, "", *model)
    (tmp_path / "empty").mkdir()
    assert "hold nothing to restore" in restore.error(tmp_path / "empty", out, *model)
    (tmp_path / "file").touch()
    assert f"OUT: {tmp_path / 'file'} is a file; give a folder" in restore.error(folder, tmp_path / "file", *model)
    Image.fromarray(picture(8, 8, seed=1)).save(folder / "a.jpg")
    line = restore.error(folder, out, *model)
    assert "a.jpg and" in line and f"a.png would both become {out / 'a.png'}; rename one" in line


def test_results_inside_the_folder_are_no_pictures_to_restore(folder: Path, identity: Path, restore: Verb) -> None:
    out = folder / "restored"
    assert len(restore.json(folder, out, "--model", identity)["made"]) == 2
    assert len(restore.json(folder, out, "--model", identity)["kept"]) == 2
    (folder / "deeper" / "loop").symlink_to(folder)
    assert len(restore.json(folder, out, "--model", identity)["kept"]) == 2
    other = restore.json(folder, folder / "other", "--model", identity)
    assert len(other["made"]) == 2 and "and 1 more: a result of lossbench restore, passed over" in other["notes"][0]
    # of a folder of results alone they are meant
    assert len(restore.json(out, folder.parent / "twice", "--model", identity)["made"]) == 2


def test_a_folder_of_pictures_that_is_out_too_is_restored(folder: Path, identity: Path, restore: Verb) -> None:
    for _ in range(2):
        found = restore.json(folder, folder / "deeper", "--model", identity)
        places = [str(Path(row["output"]).relative_to(folder)) for row in found["made"] + found["kept"]]
        assert places == ["deeper/a.png", "deeper/deeper/b.png"]


def test_all_places_are_checked_before_anything_is_made(
    folder: Path, identity: Path, tmp_path: Path, restore: Verb
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "deeper").write_bytes(b"a file")
    line = restore.error(folder, out, "--model", identity)
    assert line == f"OUT: {out / 'deeper'} is a file; give a folder" and not (out / "a.png").exists()
    Image.fromarray(levels(8, 9)).save(folder / "c.jpg")
    png.write_levels(folder / "c.png" / "d.png", levels(8, 9))
    line = restore.error(folder, tmp_path / "new", "--model", identity)
    assert f"c.jpg becomes {tmp_path / 'new' / 'c.png'}, where the result of {folder / 'c.png' / 'd.png'}" in line


def test_bands_that_png_does_not_hold_are_named(folder: Path, tmp_path: Path, restore: Verb) -> None:
    four = save_identity(tmp_path / "four.safetensors", bands=4)
    source = tmp_path / "four.tif"
    tifffile.imwrite(source, levels(16, 16, 4), photometric="minisblack", planarconfig="contig")
    line = restore.error(source, tmp_path / "b.png", "--model", four)
    assert line == f"{source}: the network gives 4 bands, a PNG has 1 or 3 beside alpha; give a .tif, of one picture"
    assert restore(source, tmp_path / "b.tif", "--model", four).startswith("made")


def test_what_a_network_does_not_take_is_named_with_the_picture(
    folder: Path, tmp_path: Path, restore: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = folder / "a.png", tmp_path / "out.png"
    five = save_identity(tmp_path / "five.safetensors", bands=5)
    assert restore.error(file, out, "--model", five) == (
        f"{file}: 3 bands, the network takes 5; give a file of 5 bands, or take another network"
    )
    whole = save_model(tmp_path / "vae.safetensors", "vae", {"width": 4, "latent": 4, "bands": 3})
    assert f"{file}: 8 x 9 px, the network takes 32 x 32 px alone" in restore.error(file, out, "--model", whole)
    lost = save_identity(tmp_path / "lost.safetensors", value=np.nan)
    assert "lost.safetensors: tensor 'decoder" in restore.error(file, out, "--model", lost)
    monkeypatch.setattr("lossbench.storage.check_finite", lambda *_: None)
    assert f"{file}: the network gives NaN or infinite values" in restore.error(file, out, "--model", lost)
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tile", "-1"], "--tile -1 px; give 0 for whole pictures"),
        (["--tile", "32"], "--tile 32 px: tiles share 32 px; give 64 or more, such as 256"),
        (["--tile", "63"], "--tile 63 px: tiles share 32 px; give 64 or more, such as 256"),
        (["--video", "png"], "in is no video and holds none; leave --video out"),
        (["--model", ""], "--model: '' is no path"),
        (["--threads", "0"], "--threads 0; give 1 or more"),
        (["--sigma", "25"], "--sigma 25: network 'red30' is not told the noise; leave it out"),
    ],
)
def test_an_option_that_can_not_be_is_named(
    options: list[str], message: str, folder: Path, identity: Path, tmp_path: Path, restore: Verb
) -> None:
    assert message in restore.error(folder, tmp_path / "out", "--model", identity, *options)


def test_a_file_without_a_network_is_named(folder: Path, tmp_path: Path, restore: Verb) -> None:
    out = tmp_path / "out"
    assert "--model: " in (line := restore.error(folder, out, "--model", tmp_path / "none")) and "is missing" in line
    line = restore.error(folder, out, "--model", folder / "a.png")
    assert "is not a whole safetensors file" in line and "give the model.safetensors of a training" in line


def test_too_little_memory_names_smaller_tiles(
    folder: Path, tmp_path: Path, restore: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory: you tried 9 bytes")

    model = save_model(tmp_path / "model.safetensors", "edsr", EDSR)
    monkeypatch.setattr("lossbench.networks.edsr.EDSR.forward", none_left)
    line = restore.error(folder / "a.png", tmp_path / "out.png", "--model", model, "--tile", "256")
    assert line.startswith(f"{folder / 'a.png'}: network 'edsr': out of memory (")
    assert line.endswith("you tried 9 bytes); restore in smaller tiles, by --tile 128")


def test_progress_says_the_part_of_a_picture_and_the_time_left(
    folder: Path, identity: Path, tmp_path: Path, restore: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lossbench.measuring.progress.QUIET", 0.0)
    png.write_levels(folder / "a.png", levels(80, 70))
    shutil.rmtree(folder / "deeper")
    lines = restore.told(folder, tmp_path / "out", "--model", identity, "--tile", "64")
    assert [line.partition("  ETA 0:0")[0] for line in lines] == [
        f"restore  {part}/1 pictures" for part in (0.25, 0.5, 0.75)
    ]
