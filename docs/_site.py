"""A hook of mkdocs: pages of the repository's root join the site, and links to its files lead to copies of them."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.structure.files import Files  # type: ignore[import-not-found]

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "reproduce.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "config/README.md": "configuration.md",
}
"""Pages that lie outside of docs/, by their names on the site."""
COPIES = "source"
"""The folder of the site that holds other files that pages link to."""
LINK = re.compile(r"(?P<start>\]\()(?P<path>[^)\s:#]+)(?P<anchor>#[^)\s]*)?\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of PAGES, and each file of the repository that a page links to."""
    from mkdocs.structure.files import File

    for origin, uri in PAGES.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / origin)))
    pages = [file for file in files if file.is_documentation_page()]
    for path in sorted({path for page in pages for path in linked(page.content_string, origin_of(page.src_uri))}):
        uri = place_of(path)
        if files.get_file_from_path(uri) is None and (ROOT / path).is_file():
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let links lead where their files lie on the site."""
    return relinked(markdown, page.file.src_uri)


def origin_of(uri: str) -> str:
    """Return the path in the repository of the page `uri` of the site."""
    return {on_site: origin for origin, on_site in PAGES.items()}.get(uri, f"docs/{uri}")


def place_of(path: str) -> str:
    """Return where the file `path` of the repository lies on the site."""
    return PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else f"{COPIES}/{path}")


def linked(text: str, origin: str) -> set[str]:
    """Return the paths in the repository of all that the page `origin` with this `text` links to."""
    return {_resolved(found["path"], origin) for found in LINK.finditer(CODE.sub("", text))}


def relinked(text: str, uri: str) -> str:
    """Return the `text` of the page `uri` with its links as they are on the site; code stays as it is."""
    origin, folder = origin_of(uri), posixpath.dirname(uri) or "."

    def moved(link: re.Match[str]) -> str:
        place = place_of(_resolved(link["path"], origin))
        return f"{link['start']}{posixpath.relpath(place, folder)}{link['anchor'] or ''})"

    parts, end = list[str](), 0
    for code in CODE.finditer(text):
        parts += [LINK.sub(moved, text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, LINK.sub(moved, text[end:])])


def _resolved(path: str, origin: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(origin), path))
