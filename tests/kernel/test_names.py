"""Names of any script, and which of them are the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.kernel.errors import Refused
from apps.kernel.names import DESCRIPTION, NAME, as_seen, fault_in, key_of, tidy

#: Whatever may arrive, and more of what matters here than chance would bring.
ODD = "\u200b\u200c\u200d\u202e\u00a0\u3000\u00ad\ufe0f\u0301\u0345\u0307ıİßſñμΣςǅﬁⅣ½КаАӀ\n\t\0"
anything = st.text(st.one_of(st.characters(), st.sampled_from(ODD)), max_size=70)


def refused(kind, value):
    with pytest.raises(Refused) as refusal:
        kind.parse(value, "tiers.0.name")
    assert refusal.value.field == "tiers.0.name"
    return refusal.value


@pytest.mark.parametrize(
    "name",
    [
        "prod",
        "Web shop (2nd), 50 % & more",
        "Zürich",
        "Москва",
        "東京 二",
        "محمد",
        "می\u200cخواهم",
        "क्\u200dष",
        "ශ්\u200dරී",
        "עִבְרִית",
        "Việt Nam",
        "ภาษาไทย",
        "བསྒྲུབས",
        "db 🚀",
    ],
)
def test_names_of_every_script_are_kept_as_they_are(name):
    assert NAME.parse(name, "name") == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  prod ", "prod"),
        ("prod\n", "prod"),
        ("two   words", "two words"),
        ("no\u00a0break\u2003here", "no break here"),
        ("re\u0301sume\u0301", "résumé"),
        ("i \u2764\ufe0f it", "i \u2764 it"),
        ("x" * 63 + "   ", "x" * 63),
    ],
)
def test_what_does_no_harm_is_tidied(typed, kept):
    assert NAME.parse(typed, "name") == kept


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        ("", "name-missing", "Give a name."),
        (" \u3000 ", "name-missing", "Give a name."),
        (None, "name-missing", "Give a name."),
        (["prod"], "name-missing", "Give a name."),
        ("x" * 64, "name-too-long", "at most 63 characters; this one has 64."),
        ("x" * 5_000_000, "name-too-long", "this one has 5000000."),
        ("pr\x00od", "name-unprintable", "a control character (U+0000) after “pr”."),
        ("two\nlines", "name-unprintable", "a line break after “two”. Delete it,"),
        ("two\u2028lines", "name-unprintable", "a line break after “two”."),
        ("a\tb", "name-unprintable", "a tab after “a”."),
        ("pr\u202eod", "name-unprintable", "(U+202E, right to left override) after “pr”."),
        ("pr\u2066od", "name-unprintable", "(U+2066, left to right isolate)"),
        ("\u200bprod", "name-unprintable", "(U+200B, zero width space) at its start."),
        ("\ufeff", "name-unprintable", "(U+FEFF, zero width no break space) at its start."),
        ("pr\u00adod", "name-unprintable", "(U+00AD, soft hyphen)"),
        ("\u3164", "name-unprintable", "(U+3164, hangul filler)"),
        ("\u2800", "name-unprintable", "(U+2800, braille pattern blank)"),
        ("half \ud800", "name-unprintable", "means nothing here (U+D800)"),
        ("new \U0003fffe", "name-unprintable", "means nothing here (U+3FFFE)"),
        ("own \ue000", "name-unprintable", "means nothing here (U+E000)"),
        ("we\u200db", "name-unprintable", "(U+200D, zero width joiner) after “we”."),
        ("می\u200c", "name-unprintable", "zero width non joiner"),
        ("می\u200c\u200cخواهم", "name-unprintable", "zero width non joiner"),
        ("می\u200cweb", "name-unprintable", "zero width non joiner"),
        ("\u0301a", "name-unprintable", "mark without a letter at its start."),
        ("a \u0301b", "name-unprintable", "mark without a letter after “a”."),
        ("z" + "\u0335\u0336\u0337\u0338\u0321", "name-unprintable", "more than 4 marks on one letter"),
        ("z\u0336\u0336", "name-unprintable", "the same mark twice"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_the_way_out(value, code, words):
    refusal = refused(NAME, value)
    assert refusal.code == code
    assert words in refusal.message


def test_a_description_may_be_empty_and_is_one_line_all_the_same():
    assert DESCRIPTION.parse("  ", "description") == DESCRIPTION.parse(None, "description") == ""
    assert refused(DESCRIPTION, "a\u202eb").message.startswith("The description holds")
    assert refused(DESCRIPTION, "x" * 181).code == "description-too-long"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("straße", "STRASSE"),
        ("prod", "pr\u043ed"),
        ("NAT", "\u039d\u0391\u03a4"),
        ("МОСКВА", "москва"),
        ("Ёлка", "\u00cb\u043b\u043a\u0430"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("İzmir", "izmir"),
        ("IĞDIR", "ığdır"),
        ("web-1", "web–1"),
        ("Bob's", "bob’s"),
        ("ｗｅｂ", "web"),
        ("ﬁle", "FILE"),
        ("می\u200cخواهم", "میخواهم"),
        ("a\u00a0b", "A  B"),
    ],
)
def test_two_names_that_look_the_same_are_the_same(one, other):
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize(("one", "other"), [("web1", "webl"), ("resume", "résumé"), ("a b", "ab"), ("db0", "dbo")])
def test_names_that_can_be_told_apart_are_two(one, other):
    assert key_of(one) != key_of(other)


def test_capitals_are_seen():
    assert as_seen("Prod") != as_seen("prod")
    assert as_seen("pr\u043ed  1") == as_seen("prod 1")


def test_no_character_that_is_taken_is_invisible_or_changes_with_its_case():
    for number in (*range(0x20000), *range(0xE0000, 0xE1000), 0x10FFFF):
        name = tidy(f"a{chr(number)}")
        assert key_of(name.upper()) == key_of(name.lower()) == key_of(name), hex(number)
        if name != "a" and fault_in(name) is None:
            assert key_of(name) != "a", hex(number)


@settings(deadline=None)
@given(anything)
def test_a_name_is_kept_as_it_was_kept_before(text):
    assert tidy(tidy(text)) == tidy(text)
    try:
        name = NAME.parse(text, "name")
    except Refused:
        return
    assert NAME.parse(name, "name") == name
    assert 0 < len(name) <= 63
    assert key_of(name), "something of it is seen"


@settings(deadline=None)
@given(anything)
def test_a_key_is_its_own_key_and_that_of_the_tidy_name(text):
    assert key_of(key_of(text)) == key_of(text) == key_of(tidy(text)) == key_of(as_seen(text))


@settings(deadline=None)
@given(anything)
def test_capitals_make_no_other_name(text):
    name = tidy(text)
    assert key_of(name.upper()) == key_of(name.lower()) == key_of(name.casefold()) == key_of(name)


@settings(deadline=None)
@given(anything)
def test_a_key_can_be_stored_and_sent(text):
    key = key_of(text)
    assert "\0" not in key and key == key.encode().decode()
