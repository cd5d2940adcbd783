"""A user's own code outside the packages counts as ours does, and of libraries the versions that define numbers."""

import ast
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from _repository import ROOT

from lossbench.assets.optional import DISTRIBUTIONS
from lossbench.errors import UserError
from pipeline.outputs import fingerprint as module
from pipeline.outputs import modules
from pipeline.outputs.fingerprint import clear, fingerprint


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a plugin that builds on the user's own modules, which lie in the working folder."""
    texts = {
        "toy/__init__.py": "",
        "toy/plugin.py": "from mine.unet import Unet\nimport helper\n",
        "mine/__init__.py": "",
        "mine/unet.py": "import timm\nfrom mine import blocks\nfrom . import layers\n\nclass Unet:\n    depth = 4\n",
        "mine/blocks.py": "WIDTH = 64\n",
        "mine/layers.py": "KERNEL = 3\n",
        "mine/unused.py": "ONE = 1\n",
        "helper.py": "SLOPE = 0.2\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def of(folder: Path) -> str:
    clear()
    return fingerprint("toy.plugin", packages=(folder / "toy",))


@pytest.mark.parametrize("file", ["mine/__init__.py", "mine/unet.py", "mine/blocks.py", "mine/layers.py", "helper.py"])
def test_an_edit_of_the_users_own_module_counts(toy: Path, file: str) -> None:
    before = of(toy)
    (toy / file).write_text((toy / file).read_text(encoding="utf-8") + "MORE = 1\n", encoding="utf-8")
    assert of(toy) != before


def test_a_module_of_the_user_that_is_not_imported_does_not_count(toy: Path) -> None:
    before = of(toy)
    (toy / "mine/unused.py").write_text("ONE = 2\n", encoding="utf-8")
    assert of(toy) == before


def test_a_module_elsewhere_on_the_path_counts(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (toy / "elsewhere").mkdir()
    (toy / "helper.py").rename(toy / "elsewhere/helper.py")
    monkeypatch.syspath_prepend(str(toy / "elsewhere"))
    before = of(toy)
    (toy / "elsewhere/helper.py").write_text("SLOPE = 0.1\n", encoding="utf-8")
    assert of(toy) != before


def test_a_module_that_hides_one_of_python_counts(toy: Path) -> None:
    (toy / "toy/plugin.py").write_text("import profile\n", encoding="utf-8")
    before = of(toy)
    (toy / "profile.py").write_text("RATE = 1\n", encoding="utf-8")
    hidden = of(toy)
    (toy / "profile.py").write_text("RATE = 2\n", encoding="utf-8")
    assert len({before, hidden, of(toy)}) == 3


@pytest.mark.parametrize(
    "call", ['importlib.import_module("helper")', '__import__("helper")', 'import_module("helper")']
)
def test_a_module_that_is_imported_by_a_written_name_counts(toy: Path, call: str) -> None:
    (toy / "toy/plugin.py").write_text(f"import importlib\nfound = {call}\n", encoding="utf-8")
    before = of(toy)
    (toy / "helper.py").write_text("SLOPE = 0.1\n", encoding="utf-8")
    assert of(toy) != before


def test_a_docstring_that_a_users_module_reads_counts(toy: Path) -> None:
    (toy / "helper.py").write_text('"""0.2"""\nSLOPE = float(__doc__)\n', encoding="utf-8")
    before = of(toy)
    (toy / "helper.py").write_text('"""0.1"""\nSLOPE = float(__doc__)\n', encoding="utf-8")
    assert of(toy) != before


def test_a_folder_without_init_and_other_encodings_are_read(toy: Path) -> None:
    (toy / "mine/__init__.py").unlink()
    (toy / "mine/blocks.py").write_bytes("# -*- coding: latin-1 -*-\nNAME = 'é'\n".encode("latin-1"))
    (toy / "helper.py").write_bytes(b"\xef\xbb\xbfSLOPE = 0.2\n")
    before = of(toy)
    (toy / "mine/layers.py").write_text("KERNEL = 5\n", encoding="utf-8")
    assert of(toy) != before


@pytest.mark.parametrize("text", [b"def broken(:\n", b"NAME = '\xe9'\n", b"a\0b\n"])
def test_what_is_no_python_is_one_line_that_names_the_file(toy: Path, text: bytes) -> None:
    (toy / "helper.py").write_bytes(text)
    with pytest.raises(UserError, match=r"helper\.py.*(mend the file|save it as UTF-8)"):
        of(toy)


def test_an_upgrade_of_a_library_that_the_user_builds_on_counts(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = of(toy)
    monkeypatch.setattr(module, "version", lambda name: "0.0" if name == "timm" else version(name))
    assert of(toy) != before


@pytest.mark.parametrize("library", sorted(modules.ARITHMETIC | modules.WITHOUT_NUMBERS))
def test_libraries_that_define_no_numbers_do_not_count(library: str) -> None:
    assert modules.local(library) is None and modules.versioned(library) is None


def test_a_library_that_names_results_and_is_absent_is_an_error_with_the_remedy(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "version", absent)
    with pytest.raises(UserError, match=r'timm, .*pip install "lossbench\[timm\]"'):
        of(toy)


def test_every_module_that_computes_by_a_library_names_its_version() -> None:
    wrong = []
    for file in sorted((ROOT / "lossbench").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        called = [call.args[0] for call in calls if ast.unparse(call.func) == "imported"]
        names = {str(name.value) for name in called if isinstance(name, ast.Constant)}
        # pictures of known bytes
        used = {name.partition(".")[0] for name in names - {"skimage.data"}}
        # the names of its metrics and losses carry the version of pyiqa, and TIFF files hold their values
        used -= modules.WITHOUT_NUMBERS | {"tifffile"} | ({"pyiqa"} if file.name == "pyiqa_models.py" else set())
        libraries = {DISTRIBUTIONS.get(name, name) for name in used}
        stated = re.findall(r"^VERSIONS_OF = (\(.+\))$", text, re.MULTILINE)
        said = set().union(*map(ast.literal_eval, stated))
        wrong += [(file.name, library) for library in libraries - said]
    assert wrong == []
