"""A table in which not every network is in every column: what is blank is neither a gap nor an error."""

import io
from pathlib import Path

import pandas as pd
import pytest
from _tables import BICUBIC, ORIGINAL, VGG, cell, small_spec, written

from pipeline.pages.inputs import BLANK, Gaps, Table
from pipeline.pages.numbers import DASH, sheet
from pipeline.specs.tabulate import TabulateSpec


@pytest.fixture
def spec(tmp_path: Path) -> TabulateSpec:
    """Describe EDSR in the column x2 and RFDN in the column x4."""
    whole = small_spec(tmp_path)
    places = [("trivial", "bicubic", 0, BICUBIC)]
    places += [
        ("rfdn", loss, seed, scores) for seed in (0, 1) for loss, scores in (("original", ORIGINAL), ("vgg", VGG))
    ]
    others = [cell(tmp_path / "x4", *place).model_copy(update={"column": "x4"}) for place in places]
    changes = {"columns": ("x2", "x4"), "networks": ("edsr", "rfdn"), "blank": (("x2", "rfdn"), ("x4", "edsr"))}
    return whole.model_copy(update={**changes, "cells": (*whole.cells, *others), "published": ()})


def test_every_place_that_there_is_has_its_numbers(spec: TabulateSpec, tmp_path: Path) -> None:
    files = written(spec, tmp_path)
    long = pd.read_csv(io.StringIO(files["csv"]))
    assert set(zip(long["column"], long["network"], strict=True)) == {("x2", "edsr"), ("x4", "rfdn")}
    assert long["difference"].notna().all()
    assert "nan" not in files["md"].lower()
    pages = {"root": tmp_path, "harness": {}, "claims": [], "shape": [], "values": [], "again": [], "summary": []}
    table = Table(spec, **pages, missing=[], long=long, gaps=Gaps())
    rows = {(row.network, row.loss): [ours for ours, _, _ in row.cells] for row in sheet(table).rows}
    # a column has two metrics
    assert [number.why for number in rows["edsr", "vgg"]] == ["", "", BLANK, BLANK]
    assert [number.text for number in rows["rfdn", "vgg"]][:2] == [DASH, DASH]
    assert all(number.value is not None for number in rows["rfdn", "vgg"][2:])
