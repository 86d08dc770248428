"""How much may come in at all. What a name, a range or a list may be is for the specs, which are stricter."""

from __future__ import annotations

#: Of a path, in characters.
PATH = 2_000
#: Of all that follows the question mark, and of all headers together, in bytes.
QUERY = 32 * 1024
HEADERS = 32 * 1024
HEADER_LINES = 100
#: Parameters of an address, or fields of a form. The longest form of ours has 54, but for its rows.
PARAMETERS = 100
#: Fields that begin so are a form's rows: an access list has 500 rules, with seven fields each.
ROWS = "rules."
ROW_FIELDS = 3_500
#: Of one text: a parameter, a field of a form, a string in a JSON body. Descriptions, the longest of ours, have 180.
TEXT = 2_000
#: Of the fields of forms that hold a whole document: an access list as CSV.
DOCUMENTS = {"sheet": 200_000}
