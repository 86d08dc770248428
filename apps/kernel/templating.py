"""Templates are written with indentation, and sent without it: half of a long table would be blanks."""

from __future__ import annotations

import re

from django.template import Origin
from django.template.loaders import filesystem

INDENT = re.compile(r"^[ \t]+", re.MULTILINE)


class Loader(filesystem.Loader):
    """Lines keep their numbers, and each still begins after a blank as HTML knows it.

    What stands in a `<pre>` or a `<textarea>` has to come out of a variable: the blanks of a template mean nothing."""

    def get_contents(self, origin: Origin) -> str:
        contents = super().get_contents(origin)
        return INDENT.sub("", contents) if origin.name.endswith(".html") else contents
