"""What GitHub's own renderer, cmark-gfm, makes of Markdown: its tags, its code, its other text."""

from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

SKELETON = {
    *("h2", "h3", "p", "strong", "code", "pre", "blockquote"),
    *("table", "thead", "tbody", "tr", "th", "td"),
    *("ul", "li", "details", "summary"),
}
"""The tags that a report is made of."""
ATTRIBUTES = {("pre", "lang", "diff"), ("th", "align", "right"), ("td", "align", "right")}


class Page(HTMLParser):
    """A rendered comment. `pre` and `code` are the texts of blocks and spans, in order."""

    def __init__(self, markdown: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.odd: list[object] = []
        """Tags, attributes, comments and closings that are none of the skeleton's."""
        self.pre: list[str] = []
        self.code: list[str] = []
        self.headings: list[str] = []
        self.outside = ""
        """All text that is in no code."""
        self._open: list[str] = []
        html = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
        self.feed(html)
        self.close()
        self.odd += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.odd += [tag] if tag not in SKELETON else []
        self.odd += [each for each in attrs if (tag, *each) not in ATTRIBUTES]
        self._open.append(tag)
        if tag == "code" and "pre" in self._open:
            self.pre.append("")
        elif tag == "code":
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.odd.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.odd.append(data)

    def handle_decl(self, decl: str) -> None:
        self.odd.append(decl)

    def unknown_decl(self, data: str) -> None:
        self.odd.append(data)

    def handle_pi(self, data: str) -> None:
        self.odd.append(data)

    def handle_data(self, data: str) -> None:
        if "pre" in self._open:
            if "code" in self._open:
                self.pre[-1] += data
        elif "code" in self._open:
            self.code[-1] += data
        else:
            self.outside += data
