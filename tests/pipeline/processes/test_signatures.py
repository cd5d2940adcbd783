"""Signatures of the functions in rules are what Snakemake would read, and are kept for all that it asks."""

import inspect
from pathlib import Path
from types import SimpleNamespace

from snakemake.common import get_function_params, get_input_function_aux_params
from snakemake.resources import Resource, Resources

from pipeline.processes import signatures


def test_snakemake_reads_no_signature_that_was_kept(monkeypatch) -> None:
    def own(wildcards, attempt):
        return attempt

    def files(wildcards):
        return ["one"]

    text = SimpleNamespace(callable=lambda wildcards, threads: threads)
    rule = SimpleNamespace(
        input=[SimpleNamespace(_file=SimpleNamespace(callable=files)), Path("plain")],
        params=[text, "plain"],
        resources=Resources({"minutes": Resource("minutes", own), "gpu": Resource("gpu", 1)}),
    )
    expected = {each: dict(inspect.signature(each).parameters) for each in (own, files, text.callable)}
    asked = Resource("gpu", 1).evaluate
    of_method = list(inspect.signature(asked).parameters)
    signatures.keep(SimpleNamespace(rules=[rule]))

    monkeypatch.setattr(inspect, "signature", None)
    assert {each: dict(get_function_params(each)) for each in expected} == expected
    assert list(get_function_params(asked)) == of_method
    assert get_input_function_aux_params(own, {"attempt": 2, "threads": 1}) == {"attempt": 2}
    assert get_input_function_aux_params(asked, {"attempt": 2, "threads": 1}) == {"attempt": 2, "threads": 1}
    assert Resource("minutes", own).evaluate({}, attempt=3, threads=1).value == 3
