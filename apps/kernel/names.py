"""Names that people give to things, and descriptions: one line of text, as every form, body and command takes it.

    how it is kept  NFC, trimmed, one plain space where there was any run of blanks; no choice between a sign's drawings
    refused         control characters, line breaks, direction overrides, what is invisible or unassigned; a joiner
                    (ZWJ, ZWNJ) but between two letters of one script that is written with joiners; a mark without a
                    letter, twice the same, or more than four on one letter (UTS 39, 5.4)
    length          counted in characters, after all that

Two names are the same when they look the same: when `key_of` makes one key of both. It is computed here, nowhere else,
and stored beside the name (`named.Key`), where it is unique and is searched.

    the same                      by
    case                          full case folding: `straße`, `STRASSE`
    composition, width, ligature  NFKD: `ｗｅｂ` and `web`
    blanks, what is not seen      one space for a run of blanks, nothing for joiners and soft hyphens
    hyphens, dashes, quotes       one of each: `web-1`, `web–1`
    Cyrillic and Greek letters    the Latin letter that either case looks like: `а` and `a`; the capital's, where they
                                  look like two

    told apart                    because
    `l` `I` `1`, `O` `0`, `rn`    `web1` and `webl` are honest names, and the page's letters tell them apart
    accents                       `resume` and `résumé` are two words
    letters of further scripts    a tenant names its own things: nobody gains by so much trouble

Unassigned characters are refused because their key could change with a newer Unicode; everything else's stays.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from apps.kernel.errors import Refused

#: The most marks on one letter.
MOST_MARKS = 4

ZWNJ, ZWJ = "\u200c", "\u200d"
JOINERS = frozenset((ZWNJ, ZWJ))
#: The scripts that are written with joiners, as the names of their characters begin.
_ARABIC = ("ARABIC", "SYRIAC", "MANDAIC", "MONGOLIAN", "NKO", "PHAGS-PA")
_INDIC = (
    "BENGALI",
    "DEVANAGARI",
    "GUJARATI",
    "GURMUKHI",
    "KANNADA",
    "MALAYALAM",
    "ORIYA",
    "SINHALA",
    "TAMIL",
    "TELUGU",
)
JOINED_SCRIPTS = frozenset((*_ARABIC, *_INDIC, "KHMER", "MYANMAR", "TIBETAN"))
#: "As text" and "as emoji": they choose between two drawings of one sign.
STYLES = re.compile("[\ufe0e\ufe0f]")
#: Invisible, though they count as letters, marks or symbols.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0"
    "\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)
#: Categories whose characters are not seen, mean nothing by themselves, or are not characters yet.
FORBIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))

_LIKE_LATIN = {
    "авеѕіјкмнорстухԁһԛԝ": "abesijkmhopctyxdhqw",
    "αβεζηικμνορτυχ": "abezhikmnoptyx",
    "ı": "i",
}
_SMALL = {alien: latin for row in _LIKE_LATIN.items() for alien, latin in zip(*row, strict=True)}
_AS_LATIN = str.maketrans(
    {alien.upper(): latin.upper() for alien, latin in _SMALL.items()}
    | _SMALL
    | dict.fromkeys("\u2010\u2012\u2013\u2014\u2015\u2043\u2212", "-")
    | dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02b9\u02bb\u02bc", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
)
#: A dot that a small i or j has already.
_SECOND_DOT = re.compile("(?<=[ij])\u0307")


@dataclass(frozen=True)
class Line:
    """A kind of text in one line. `noun` is what it is called in refusals, and begins their codes."""

    noun: str
    most: int
    may_be_empty: bool = False

    def parse(self, value: object, field: str) -> str:
        """The text as it is kept. Raises `Refused`."""
        text = value if isinstance(value, str) else ""
        # What is far too long is not looked at letter by letter.
        words = tidy(text) if len(text) <= 20 * self.most else text
        if not words and self.may_be_empty:
            return ""
        if not words:
            raise Refused(f"{self._code}-missing", f"Give a {self.noun}.", field)
        if len(words) > self.most:
            message = f"A {self.noun} has at most {self.most} characters; this one has {len(words)}."
            raise Refused(f"{self._code}-too-long", message, field)
        if fault := fault_in(words):
            raise Refused(f"{self._code}-unprintable", f"The {self.noun} {fault}", field)
        return words

    @property
    def _code(self) -> str:
        return self.noun.replace(" ", "-")


NAME = Line("name", 63)
DESCRIPTION = Line("description", 180, may_be_empty=True)
USERNAME = Line("user name", 150)


def tidy(text: str) -> str:
    """The text as it is kept, its faults included."""
    spaced = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in STYLES.sub("", text))
    return unicodedata.normalize("NFC", re.sub(" +", " ", spaced.strip(" \t\r\n")))


def fault_in(text: str) -> str | None:
    """What is wrong with a tidy text and how to mend it, as the end of a sentence; None when nothing is."""
    marks: list[str] = []
    for number, letter in enumerate(text):
        category = unicodedata.category(letter)
        if (category in FORBIDDEN or UNSEEN.match(letter)) and not _joins(text, number):
            what = _described(letter, category)
            return f"holds {what}{_where(text, number)}. Delete it, or type the words anew."
        if category[0] == "M" and text[number - 1 : number] in ("", " "):
            return f"has an accent or mark without a letter{_where(text, number)}. Put it on a letter, or delete it."
        marks = [*marks, letter] if category in ("Mn", "Me") else []
        if marks[-2:-1] == [letter]:
            return f"has the same mark twice on one letter{_where(text, number)}. Delete one of them."
        if len(marks) > MOST_MARKS:
            return f"has more than {MOST_MARKS} marks on one letter{_where(text, number)}. Take some away."
    return None


def key_of(text: str) -> str:
    """What is equal for two names that look the same. For any text, however odd; of a key, the key itself."""
    return _folded(text, str.casefold)


def as_seen(text: str) -> str:
    """The same without the folding of capitals: equal for two texts that the eye takes for one."""
    return _folded(text, str)


def _folded(text: str, fold_case: Callable[[str], str]) -> str:
    words, before = "".join(map(_seen, text)), None
    while words != before:
        before = words
        words = fold_case(unicodedata.normalize("NFKD", words)).translate(_AS_LATIN)
        words = _SECOND_DOT.sub("", "".join(map(_seen, words)))
    return unicodedata.normalize("NFC", " ".join(words.split()))


def _seen(letter: str) -> str:
    """The letter, a blank for a control character, nothing for what cannot be seen."""
    if letter.isascii():
        return letter if letter.isprintable() else " "
    category = unicodedata.category(letter)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category in ("Cf", "Cs") or UNSEEN.match(letter) or STYLES.match(letter) else letter


def _joins(text: str, number: int) -> bool:
    """Whether a joiner stands between two letters, or the marks on them, of one script that is written with joiners."""
    around = (text[number - 1 : number], text[number + 1 : number + 2])
    if text[number] not in JOINERS or not all(each and unicodedata.category(each)[0] in "LM" for each in around):
        return False
    before, after = (unicodedata.name(each, "").split(" ")[0] for each in around)
    return before == after and before in JOINED_SCRIPTS


def _described(letter: str, category: str) -> str:
    if category in ("Zl", "Zp") or letter in "\n\r\v\f\x85":
        return "a line break"
    if letter == "\t":
        return "a tab"
    name = unicodedata.name(letter, "").lower().replace("-", " ")
    code = f"U+{ord(letter):04X}{', ' if name else ''}{name}"
    if category == "Cc":
        return f"a control character ({code})"
    return f"a character that is not seen ({code})" if name else f"a character that means nothing here ({code})"


def _where(text: str, number: int) -> str:
    """Behind which letters; what stands before the first fault can be shown."""
    before = text[:number].strip(" ")
    return f" after “{before[-12:]}”" if before else " at its start"
