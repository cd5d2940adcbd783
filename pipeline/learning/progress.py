"""Progress of a long job as plain lines: step, speed, losses, share of time spent waiting for data, time left."""

import time
from collections.abc import Callable
from datetime import timedelta


class Progress:
    """Print a line every few seconds, so that two jobs can share a terminal and a log stays readable."""

    def __init__(
        self, label: str, steps: int, start: int = 0, seconds: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Name the job; `start` is the step that it resumes from."""
        self.label, self.steps, self.start, self.seconds, self.clock = label, steps, start, seconds, clock
        self.began = self.printed = clock()
        self.waited = 0.0

    def update(self, step: int, values: Callable[[], dict[str, float]]) -> None:
        """Report that `step` steps are done; `values` is asked only when a line is due."""
        now = self.clock()
        if now - self.printed < self.seconds and step < self.steps:
            return
        self.printed = now
        elapsed = max(now - self.began, 1e-9)
        speed = (step - self.start) / elapsed
        left = timedelta(seconds=round((self.steps - step) / speed)) if speed else "unknown"
        shown = "  ".join(f"{name} {value:.4g}" for name, value in values().items())
        print(
            f"{self.label}  step {step}/{self.steps}  {shown}  {speed:.1f} steps/s  "
            f"data wait {100 * self.waited / elapsed:.0f} %  ETA {left}",
            flush=True,
        )
