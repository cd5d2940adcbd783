"""A table's notes say which weights never moved, and how strong each learned term was."""

import json
from pathlib import Path
from typing import Any

from _tables import small_spec, written

from pipeline.outputs.rows import read_rows
from pipeline.pages.formats import notes


def add(card: Path, **entries: Any) -> None:
    card.write_text(json.dumps({**json.loads(card.read_text(encoding="utf-8")), **entries}), encoding="utf-8")


def test_the_notes_name_weights_that_never_moved_and_the_strength_of_a_loss(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    add(tmp_path / "edsr/original/0/card.json", unmoved={}, strength={})
    add(tmp_path / "edsr/vgg/0/card.json", unmoved={"body.1": 0.25}, strength={"vgg": 1.0})
    add(tmp_path / "edsr/vgg/1/card.json", unmoved={"body.1": 0.89, "tail": 0.02}, strength={"vgg": 2.0})
    files = written(spec, tmp_path)
    never = "weights of edsr that never moved in training, so that they are as they began (vgg x2): 89% of body.1"
    strength = "mean of the first 5 rows of the histories: edsr x2 1.5\n"
    assert never in files["md"] and strength in files["md"] and "strength of vgg, " in files["md"]
    assert never in files["html"]
    # the report reads them from the long table
    assert any(line.startswith(never) for line in notes(spec, read_rows(tmp_path / "tables/table3.csv")))


def test_terms_are_told_apart_where_a_loss_has_several(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    for seed in (0, 1):
        add(tmp_path / f"edsr/vgg/{seed}/card.json", strength={"perceptual": 0.5, "texture": 0.25})
    assert "rows of the histories: edsr x2 perceptual 0.5, texture 0.25\n" in written(spec, tmp_path)["md"]


def test_cards_that_say_nothing_add_no_note(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    text = written(spec, tmp_path)["md"]
    assert "never moved" not in text and "strength" not in text
    long = read_rows(tmp_path / "tables/table3.csv").drop(columns=["unmoved", "strength"])
    assert notes(spec, long)
