"""The stage report, run on small results, and what a page consists of."""

import re
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

from pipeline import report
from pipeline.specs.report import ReportSpec

VOID = {"meta", "link", "img", "input", "br", "wbr"}
LOADS = {"src", "href", "xlink:href", "srcset", "data", "action", "poster"}


class Outline(HTMLParser):
    """What a page consists of; raises AssertionError at the first tag that is closed in the wrong place."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def values(self, name: str) -> list[str]:
        """List the values of one attribute."""
        return [value for _, attribute, value in self.attributes if attribute == name]


def made(verdicts: list[Path], title: str = "small", figures: Sequence[Path] = ()) -> str:
    """Run the stage and return the page."""
    output = verdicts[0].parents[2] / "report/index.html"
    report.main(ReportSpec(page="0", title=title), "0123456789ab", verdicts, output, figures)
    return output.read_text(encoding="utf-8")


def words(page: str) -> str:
    """Return the text that a reader sees, spaces made single."""
    text = re.sub(r"<(script|style|title).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())
