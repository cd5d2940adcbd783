"""Optional libraries: each is in the extra that its message names."""

import re
import tomllib

import pytest
from _repository import ROOT

from lossbench.assets.optional import DISTRIBUTIONS, EXTRAS, imported
from lossbench.errors import UserError


@pytest.mark.parametrize("library", EXTRAS)
def test_an_absent_library_is_named_with_the_extra_that_brings_it(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name, name=library)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(UserError, match=r"^metric 'x' needs the package [\w-]+; install it by ") as raised:
        imported(f"{library}.part", "metric 'x'")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [extra] = re.findall(r'`pip install "lossbench\[(\w+)\]"`', str(raised.value))
    required = [re.split("[<>=]", entry)[0] for entry in project["optional-dependencies"][extra]]
    assert DISTRIBUTIONS.get(library, library) in required


def test_a_library_that_lacks_a_module_is_no_absent_library() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"tifffile\.none"):
        imported("tifffile.none", "metric 'x'")
