"""What the report page depends on beside the files that it shows."""

from __future__ import annotations

from lossbench.records import Strict


class ReportSpec(Strict):
    """The page over all tables of a scale."""

    page: str
    """First 12 digits of the SHA-256 of the templates in workflow/report."""
    title: str
    """What the scale says of itself."""
