"""What is read of other people's files is what Python finds in them."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest
from torch import nn

from lossbench import plugins
from lossbench.errors import UserError
from lossbench.plugins import modules, reading

PIQ = [
    *(
        "SSIMLoss",
        "MultiScaleSSIMLoss",
        "TVLoss",
        "GMSDLoss",
        "MultiScaleGMSDLoss",
        "VIFLoss",
        "BRISQUELoss",
        "FSIMLoss",
    ),
    *("StyleLoss", "ContentLoss", "LPIPS", "DISTS", "VSILoss", "MDSILoss", "HaarPSILoss", "SRSIMLoss", "PieAPP"),
    *("DSSLoss", "InformationWeightedSSIMLoss", "CLIPIQA"),
]


@pytest.mark.parametrize("name", PIQ)
def test_the_signatures_that_are_read_of_piq_are_those_of_its_classes(name: str) -> None:
    piq = importlib.import_module("piq")
    parameters = inspect.signature(getattr(piq, name)).parameters.values()
    source = modules.source_of("piq")
    assert source is not None
    found = reading.signature(reading.definition(source, name))
    assert found is not None
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    assert list(found.taken) == [each.name for each in parameters if each.kind not in kinds]
    assert found.required == tuple(
        each.name for each in parameters if each.default is each.empty and each.kind not in kinds
    )
    assert found.others == any(each.kind is each.VAR_KEYWORD for each in parameters)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose names come by every way there is."""
    files = {
        "ways/__init__.py": """
from .inner import One as Renamed
from .stars import *
from . import inner
import ways.late
""",
        "ways/inner.py": """
from functools import partial
from torch import nn
from ways import base
from ..ways.late import Late
class One(base.Base):
    WORD = TEXT = 'one'
made = partial(One, width=3)
alias = One
object = One(1)
try:
    import fast
    class Tried(nn.Module): ...
except ImportError:
    class Tried(nn.Module): ...
""",
        "ways/base.py": """
from torch import nn
SIZES = (1, 2)
COMPUTED = len('abc')
class Base(nn.Module):
    KIND = 'base'
    CHOSEN = SIZES
    WORSE = COMPUTED
    def __init__(self, depth: int, /, width: 'int' = 2, *more, slope: float, **others): ...
""",
        "ways/stars.py": "from .circle import *\n_hidden = 1\nclass Starred: ...\n",
        "ways/circle.py": "from .stars import *\n",
        "ways/late.py": "class Late: ...\n",
        "ways/broken.py": "class (:\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    modules.source_of.cache_clear()
    return tmp_path / "ways"


def test_names_are_followed_by_every_way_of_importing(package: Path) -> None:
    front = package / "__init__.py"
    for name, file in (("Renamed", "inner"), ("Starred", "stars")):
        assert reading.definition(front, name).file == package / f"{file}.py"
    assert isinstance(reading.definition(front, "inner").node, ast.Module)
    for name in ("absent", "_hidden", "One"):
        assert reading.definition(front, name).node is None
    assert reading.definition(package / "inner.py", "Tried").node is not None
    late = reading.of_expression(front, ast.parse("ways.late.Late", mode="eval").body)
    assert late == reading.definition(package / "late.py", "Late") and late.node is not None


def test_what_a_class_takes_and_says_may_come_of_its_base(package: Path) -> None:
    inner = package / "inner.py"
    one = reading.definition(inner, "One")
    found = reading.signature(one)
    assert found is not None and (list(found.taken), found.required) == (
        ["depth", "width", "slope"],
        ("depth", "slope"),
    )
    assert found.others
    fixed = reading.signature(reading.definition(inner, "made"))
    assert fixed is not None and list(fixed.taken) == ["depth", "slope"]
    assert reading.signature(reading.definition(inner, "alias")) == found
    assert reading.signature(reading.definition(inner, "object")) is None
    assert reading.signature(reading.definition(inner, "Tried")) == reading.Signature({}, ())
    assert reading.literal(reading.member(one, "KIND")) == "base"
    assert reading.literal(reading.member(one, "CHOSEN")) == (1, 2)
    for name in ("WORSE", "absent"):
        with pytest.raises(ValueError):
            reading.literal(reading.member(one, name))


def test_a_constant_that_is_not_written_out_is_named_with_its_line(package: Path) -> None:
    assert plugins.constant("metrics", "ways.base:Base", "KIND") == "base"
    with pytest.raises(UserError, match=r"base\.py, line 8: WORSE is not written out"):
        plugins.constant("metrics", "ways.base:Base", "WORSE")
    with pytest.raises(UserError, match=r"metric 'ways\.base:Base': .*base\.py defines no constant better"):
        plugins.constant("metrics", "ways.base:Base", "better")
    with pytest.raises(UserError, match=r"broken\.py, line 1: .*; mend the file"):
        plugins.check("metrics", "ways.broken:One")


def test_files_of_torch_are_read_for_names_of_its_own_alone(tmp_path: Path) -> None:
    assert issubclass(nn.L1Loss, nn.Module)
    for name in ("torch.nn:L1Loss", "torch.nn.modules.loss:L1Loss"):
        assert plugins.build_arguments("losses", name)[:3] == ["size_average", "reduce", "reduction"]
    (tmp_path / "mine.py").write_text("from torch.nn import L1Loss as Mine\n")
    assert reading.definition(tmp_path / "mine.py", "Mine").node is None
