"""Scores that are kept: what is computed again, and what is not."""

from pathlib import Path
from typing import Any

import pytest
import torch
from _evaluated import METRICS, NETWORK, Evaluate, evaluate_into, spec, stored

from lossbench import loss_networks
from pipeline import evaluate
from pipeline.specs.evaluate import MetricSpec


def test_a_second_evaluation_computes_only_what_is_new(
    evaluated: Evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []
    score = evaluate.metrics.score

    def counted(name: str, *arguments: Any, **changes: Any) -> float:
        computed.append(name)
        return score(name, *arguments, **changes)

    monkeypatch.setattr(evaluate.metrics, "score", counted)
    first = evaluated(spec())
    assert computed == ["psnr"] * 4
    assert evaluated(spec()) == first
    assert len(computed) == 4
    third = MetricSpec(name="sam", file="sam", colour="rgb", crop=0, rounding=False)
    added = evaluated(spec(metrics=(*METRICS, third)))
    assert computed[4:] == ["sam"] * 2
    assert [row for row in added if row["metric"] == "psnr"] == first
    # another version of the metric, and a damaged file
    monkeypatch.setattr("pipeline.outputs.metric_cache._version", lambda metric: "new")
    assert evaluated(spec()) == first
    assert computed[6:] == ["psnr"] * 4
    (tmp_path / ".toy.cache.json").write_text("[3", encoding="utf-8")
    assert evaluated(spec()) == first
    assert len(computed) == 14


def test_scores_of_another_prediction_are_not_reused(evaluated: Evaluate, tmp_path: Path) -> None:
    trivial = evaluated(spec())
    model = stored(tmp_path / "model.safetensors")
    restored = evaluated(spec(network=NETWORK), model)
    assert all(ours["value"] != theirs["value"] for ours, theirs in zip(restored, trivial, strict=True))


def test_a_metric_that_rests_on_a_network_gets_its_weights(
    targets: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = loss_networks.build("robust_lpips", widths=[4, 6, 8, 8, 8])
        loss_networks.save(network, tmp_path / f"{seed}.safetensors", {})
    metric = MetricSpec(
        name="perceived", file="r_lpips", colour="rgb", crop=0, rounding=True, loss_network="robust_lpips"
    )
    chosen = spec(metrics=(*METRICS, metric))

    def run(weights: Path) -> list[float]:
        rows = evaluate_into(tmp_path, chosen, targets, pairs, metric_weights={"perceived": weights})
        return [float(row["value"]) for row in rows if row["metric"] == "perceived"]

    first, second = run(tmp_path / "0.safetensors"), run(tmp_path / "1.safetensors")
    # another network is another metric, kept scores or not
    assert len(first) == 2 and all(ours != theirs for ours, theirs in zip(first, second, strict=True))
    # the same weights in another place are the same
    (tmp_path / "0.safetensors").replace(tmp_path / "moved.safetensors")
    run(tmp_path / "moved.safetensors")

    def never(*arguments: Any, **keywords: Any) -> float:
        raise AssertionError("computed again")

    monkeypatch.setattr(evaluate.metrics, "score", never)
    assert run(tmp_path / "moved.safetensors") == first
