"""Measured training steps as a file: written, read again, and refused when damaged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lossbench.errors import UserError
from pipeline.planning.measured_steps import Measurement, key_of, read, write


def test_measurements_come_back_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "steps.csv"
    assert read(file) == {}
    kinds = [Measurement("b, with a comma", 0.0123, 7, "a GPU", "2.11"), Measurement("a", None, None, "a CPU", "2.11")]
    write(file, {key_of(one.what): one for one in kinds})
    assert read(file) == {key_of(one.what): one for one in kinds}
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "key,what,seconds_per_step,peak_memory_mib,device,torch"
    assert lines[1] == f"{key_of('a')},a,out of memory,,a CPU,2.11"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text.replace("16 crops", "32 crops"), "the key of"),
        (lambda text: text.replace("0.5,", "-0.5,"), "-0.5 seconds are no time"),
        (lambda text: text.replace("0.5,", "nan,"), "nan seconds are no time"),
        (lambda text: text.replace("0.5,", "quick,"), "quick"),
        (lambda text: text.replace("what", "words"), "what"),
        (lambda text: text[: text.index(",0.5")], "seconds_per_step|NoneType"),
    ],
)
def test_a_damaged_file_of_measurements_is_refused(damage: Callable[[str], str], reason: str, tmp_path: Path) -> None:
    file = tmp_path / "steps.csv"
    write(file, {"": Measurement("edsr, 16 crops", 0.5, 7, "a GPU", "2.11")})
    text = file.read_text(encoding="utf-8").replace("\n,", f"\n{key_of('edsr, 16 crops')},")
    file.write_text(text, encoding="utf-8")
    assert len(read(file)) == 1
    file.write_text(damage(text), encoding="utf-8")
    with pytest.raises(UserError, match=rf"steps\.csv, line 2: .*({reason}).*run benchmarks/gpu_hours\.py"):
        read(file)
