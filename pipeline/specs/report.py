"""What the report page depends on beside the files that it shows."""

from pathlib import Path

from lossbench.records import Strict

TEMPLATES = Path(__file__).parents[2] / "workflow/report"
"""Folder of the templates of the page."""


class ReportSpec(Strict):
    """The page over all tables of a scale."""

    page: str
    """First 12 digits of the SHA-256 of the templates in workflow/report."""
    title: str
    """What the scale says of itself."""
