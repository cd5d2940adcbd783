"""Where the templates of the report page lie."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "workflow/report"
