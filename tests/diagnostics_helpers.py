"""What tests of profilers share."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from operator import add, mul

import pytest
from raskt.local import get_sync
from raskt.threaded import get as get_threaded

GRAPH = {
    "a": 1,
    "b": 2,
    "c": (add, "a", "b"),
    "d": (mul, "a", "b"),
    "e": (mul, "c", "d"),
}

both = pytest.mark.parametrize("get", [get_sync, get_threaded])


class Page(HTMLParser):
    """Collects the elements of a page, and the text of its scripts and title."""

    def __init__(self, html):
        super().__init__()
        self.elements = []
        self.texts = {}
        self._open = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._open.append((tag, dict(attributes).get("id")))

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, text):
        if self._open:
            self.texts[self._open[-1]] = self.texts.get(self._open[-1], "") + text

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)


def page_data(page):
    return json.loads(Page(page.html).texts["script", "data"])
