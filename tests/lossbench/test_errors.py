"""What messages are made of: the nearest name, a value as YAML has it, and plain words for a wrong type."""

import errno
import os

import pytest
import torch
from pydantic import Field

from lossbench.errors import UserError, as_written, memory_for, nearest
from lossbench.formats.numerals import as_number
from lossbench.records import Strict


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("CI", ["ci", "demo"], "ci"),
        ("PSNR", ["psnr", "ssim"], "psnr"),
        ("DIV2K", ["div2k", "coco"], "div2k"),
        ("div2k", ["DIV2K", "COCO"], "DIV2K"),
        ("Edsr_Baseline", ["edsr", "edsr_baseline"], "edsr_baseline"),
    ],
)
def test_the_nearest_name_is_found_in_any_case(name: str, known: list[str], found: str) -> None:
    assert nearest(name, known).startswith(f"did you mean '{found}'? known: ")


@pytest.mark.parametrize(
    ("text", "whole", "number"),
    [
        ("1e2", False, "100.0 or 1.0e+2"),
        ("1e2", True, "100"),
        ("1.25e-3", False, "0.00125 or 1.25e-3"),
        ("1E-9", False, "1.0e-9"),
        ("0.1", False, "0.1 without quotes"),
        ("3", True, "3 without quotes"),
        ("3.5", True, None),
        ("nan", False, None),
        ("many", False, None),
    ],
)
def test_a_text_that_means_a_number_is_written_as_yaml_has_it(text: str, whole: bool, number: str | None) -> None:
    assert as_number(text, whole) == number


def test_values_are_shown_in_the_words_of_yaml() -> None:
    assert [as_written(value) for value in (None, True, False, "a", 1.5)] == ["nothing", "true", "false", "'a'", "1.5"]
    assert len(as_written("a" * 1000)) < 100
    assert as_written(torch.ones(2, 2)) == "tensor([[1., 1.], [1., 1.]])" and as_written("a\n b") == r"'a\n b'"


class Inner(Strict):
    count: int
    rate: float = 1.0


class Outer(Strict):
    name: str = ""
    listed: tuple[float, ...] = Field((1.0,), min_length=1)
    either: int | dict[str, int] = 0
    inner: dict[str, Inner] = {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": False}, "file: name: text is expected (got false); put it in quotes"),
        ({"name": None}, "file: name: text is expected (got nothing)"),
        ({"listed": "a"}, "file: listed: a list is expected (got 'a'); write [a]"),
        ({"listed": []}, "file: listed: a list of at least 1 is expected (got [])"),
        ({"listed": ["x"]}, "file: listed.0: a number is expected (got 'x')"),
        ({"listed": [True]}, "file: listed: a number is expected (got [True])"),
        ({"listed": [float("inf")]}, "file: listed.0: a number is expected (got inf)"),
        ({"either": "x"}, "file: either: a whole number or a mapping of entries is expected (got 'x')"),
        ({"inner": []}, "file: inner: a mapping of entries is expected (got [])"),
        ({"inner": {"a": {"count": 1.5}}}, "file: inner.a.count: a whole number is expected (got 1.5)"),
        ({"inner": {"a": {"count": "1e3"}}}, "file: inner.a.count: a whole number is expected (got '1e3'); write 1000"),
        ({"inner": {"a": {"count": True}}}, "file: inner.a.count: a number is expected (got true)"),
        ({"inner": {"a": {"cuont": 1}}}, "key 'inner.a.count' is missing; unknown key 'inner.a.cuont'; did you mean"),
        (["a"], "file: value: a mapping of entries is expected (got ['a'])"),
        (None, "file: value: it is empty, a mapping of entries is expected"),
    ],
)
def test_a_wrong_type_is_said_in_plain_words_with_its_place(values: object, message: str) -> None:
    with pytest.raises(UserError) as caught:
        Outer.parse(values, "file")
    assert message in str(caught.value)
    for jargon in ("valid string", "valid integer", "valid dictionary", "not permitted", "\n", "constrained"):
        assert jargon not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("Unable to allocate 728. TiB for an array"), "Unable to allocate 728"),
        (MemoryError(), None),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"),
            "Tried to allocate 2.00 GiB",
        ),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), "CUDA error"),
        (OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), "Cannot allocate memory"),
    ],
)
def test_memory_that_is_used_up_is_one_line_with_what_helps(error: Exception, said: str | None) -> None:
    with pytest.raises(UserError) as caught, memory_for("train", "take less"):
        raise error
    text = str(caught.value)
    assert text.startswith("train: out of memory") and text.endswith("; take less") and "\n" not in text
    assert ("(" in text) is (said is not None) and (said or "") in text


def test_torch_says_on_a_cpu_that_memory_is_used_up() -> None:
    with pytest.raises(UserError, match=r"^train: out of memory \(Default"), memory_for("train", "take less"):
        torch.empty(10**15)


def test_another_error_is_not_taken_for_one_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_for("train", "take less"):
        raise RuntimeError("shapes do not fit")


def test_hundreds_of_names_are_counted_and_not_listed() -> None:
    names = [f"job{number:03}" for number in range(300)]
    assert nearest("job07", names).endswith("? 300 are known")
    assert nearest("x", names) == "300 are known"


def test_a_name_that_is_known_twice_is_listed_once() -> None:
    assert nearest("l3", ["l1", "ssim", "l1"]) == "did you mean 'l1'? known: l1, ssim"
