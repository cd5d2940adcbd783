"""Stage harness: the metrics of a table against golden values that other people's code gave on known pictures."""

import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

from lossbench import metrics, plugins
from lossbench.files import write_text
from lossbench.metrics import Protocol, _golden
from lossbench.metrics._golden import GoldenRow
from lossbench.metrics._protocol import Floats
from pipeline.command import run
from pipeline.specs.harness import HarnessSpec


@dataclass
class Outcome:
    """What the golden values say of some metrics; they pass when nothing failed."""

    rows: int = 0
    """Values that were compared."""
    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def main(spec: HarnessSpec, code: str, output: Path) -> None:
    """Write to `output` (JSON) whether every metric gives its golden values; a metric that does not is no error here.

    Raises UserError for an unknown metric and for a full disk.
    """
    outcome = checked(spec.metrics)
    content = {"passed": not outcome.failures, **asdict(outcome), "code": code}
    write_text(output, json.dumps(content, indent=1) + "\n")
    for line in (*outcome.failures, *outcome.skipped):
        print(line)
    word = "agree with" if not outcome.failures else "do NOT agree with"
    print(f"{len(spec.metrics)} metrics {word} the field: {outcome.rows} golden values compared", flush=True)


def checked(names: tuple[str, ...]) -> Outcome:
    """Compute every golden value of the metrics `names`.

    A metric without golden values fails, unless it is from outside, this project defined it, or it needs a trained
    network's weights, whose features its values rest on: then it is skipped. Pictures that this machine's libraries
    decode to other bytes are skipped, and a metric none of whose values could be compared fails.
    """
    outcome = Outcome()
    rows = [*_golden.rows(), *_golden.rows(_golden.CLIPS)]
    for name in dict.fromkeys(names):
        own = [row for row in rows if row["metric"] == name]
        compared = [_compare(row, outcome) for row in own]
        metric = metrics.load(name)
        if plugins.is_outside("metrics", name):
            whose = plugins.package("metrics", name)
            outcome.skipped.append(f"{name}: from outside ({whose}), so that no golden value is stored for it")
        elif metric.SOURCE.startswith("this project"):
            outcome.skipped.append(f"{name}: defined by this project, so that nobody else gives values for it")
        elif metrics.kinds(metric):
            outcome.skipped.append(f"{name}: needs the weights of a trained network, so that no golden value is stored")
        elif not own:
            outcome.failures.append(f"{name}: no golden value is stored for it in {_golden.FILE.name}")
        elif not any(compared):
            outcome.failures.append(f"{name}: none of its {len(own)} golden values could be compared")
    return outcome


def _compare(row: GoldenRow, outcome: Outcome) -> bool:
    """Compare one value; return whether it could be."""
    protocol = Protocol(row["colour"], int(row["crop"]), row["rounding"] == "True")  # type: ignore[arg-type]
    place = f"{row['metric']} ({protocol.describe()}) of {row['image']}, {row['degradation']}"
    prediction, target, reason = _pictures(row["image"], row["degradation"], row["rounding"])
    if reason:
        outcome.skipped.append(f"{place}: {reason}")
        return False
    outcome.rows += 1
    expected, tolerance = float(row["value"]), float(row["tolerance"])
    try:
        value = metrics.score(row["metric"], prediction, target, protocol=protocol)
    # whatever a damaged metric ends in is its failure, not the stage's
    except Exception as error:
        outcome.failures.append(f"{place}: {type(error).__name__}: {error}")
        return True
    # NaN must not pass
    if not abs(value - expected) <= tolerance:
        outcome.failures.append(f"{place}: {value:.10g}, golden value {expected:.10g}, tolerance {tolerance:g}")
    return True


@lru_cache(maxsize=10)
def _pictures(image: str, degradation: str, rounding: str) -> tuple[Floats, Floats, str]:
    return _golden.compared({"image": image, "degradation": degradation, "rounding": rounding})


if __name__ == "__main__":
    run(main)
