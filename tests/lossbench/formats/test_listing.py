"""What lies in a folder of pictures: nothing is passed over in silence."""

import warnings
from pathlib import Path

import pytest
from _closed import closed

from lossbench.errors import Notice, UserError
from lossbench.formats.listing import is_there, listed

EXTENSIONS = frozenset({".png", ".jpg"})


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def test_pictures_are_listed_by_name_and_hidden_files_are_no_part(tmp_path: Path) -> None:
    make(tmp_path, "b.png", "a.JPG", ".DS_Store", "._a.png", ".cache/x.png")
    with warnings.catch_warnings(action="error"):
        found = listed(tmp_path, EXTENSIONS)
    assert [path.name for path in found.pictures] == ["a.JPG", "b.png"] and found.passed_over() == ""


def test_sub_folders_and_other_files_are_said_in_one_line(tmp_path: Path) -> None:
    make(tmp_path, "b.png", "old/z.png", "c.png/z.png", *(f"{name}.gif" for name in "defg"), "x.heic", "y.jfif")
    with pytest.warns(Notice) as said:
        found = listed(tmp_path, EXTENSIONS)
    assert [path.name for path in found.pictures] == ["b.png"]
    (line,) = said
    named = "the sub-folders c.png, old and the files d.gif, e.gif, f.gif and 3 more passed over"
    assert str(line.message) == f"{tmp_path}: {named}"


@pytest.mark.parametrize("name", ["a.png", "b.jpg"])
def test_a_link_to_nowhere_is_refused(name: str, tmp_path: Path) -> None:
    make(tmp_path, "ok.png")
    (tmp_path / name).symlink_to(tmp_path / "gone" / name)
    with pytest.raises(UserError, match=rf"{name} is a link to .*gone/{name}, which is missing; mend or remove it"):
        listed(tmp_path, EXTENSIONS)


def test_links_that_lead_somewhere_are_what_they_lead_to(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", "a.png")
    folder = make(tmp_path / "here", "b.png")
    (folder / "a.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    found = listed(folder, EXTENSIONS, said=False)
    assert [path.name for path in found.pictures] == ["a.png", "b.png"] and found.folders == ["linked"]


def test_what_can_not_be_looked_at_is_not_taken_for_absent(tmp_path: Path) -> None:
    assert is_there(tmp_path) and not is_there(tmp_path / "none") and not is_there(tmp_path / "none" / "below")
    (tmp_path / "away.png").symlink_to("/mnt/unmounted/a.png")
    (tmp_path / "self.png").symlink_to("self.png")
    with pytest.raises(UserError, match=r"away\.png is a link to /mnt/unmounted/a\.png, which is missing; mend"):
        is_there(tmp_path / "away.png")
    for look in (is_there, lambda path: listed(path.parent, (".png",))):
        (tmp_path / "away.png").unlink(missing_ok=True)
        with pytest.raises(UserError, match=r"self\.png is a link to self\.png, which leads back to itself; mend"):
            look(tmp_path / "self.png")
    (tmp_path / "closed").mkdir()
    with closed(tmp_path / "closed"):
        for look in (lambda: is_there(tmp_path / "closed" / "a"), lambda: listed(tmp_path / "closed", (".png",))):
            with pytest.raises(UserError, match="there but closed to you"):
                look()
