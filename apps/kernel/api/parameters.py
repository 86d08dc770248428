"""The parameters of an address, by one rule everywhere: a known one, given once, and not empty.

Whoever misspells a filter, or fills it from a variable that happens to be empty, must not be answered with everything.
"""

from __future__ import annotations

from collections.abc import Collection

from rest_framework.request import Request

from apps.kernel.errors import Invalid, Refused


def check(request: Request, known: Collection[str], *, several: Collection[str] = ()) -> None:
    """Raises `Invalid` with each parameter at fault. Those in `several` may be given several times."""
    problems = []
    for name, values in request.query_params.lists():
        if name not in known:
            told = f"Known: {', '.join(known)}." if known else "This address takes none."
            problems.append(Refused("unknown-parameter", f"There is no such parameter here. {told}", name[:63]))
        elif len(values) > 1 and name not in several:
            problems.append(Refused("parameter-repeated", f"“{name}” can be given once.", name))
        elif not all(value.strip() for value in values):
            problems.append(Refused("parameter-empty", f"“{name}” is empty. Leave it out, or give it a value.", name))
    if problems:
        raise Invalid(problems)
