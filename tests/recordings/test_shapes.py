"""The notation of recorded answers."""

from __future__ import annotations

from tests.recordings.shapes import Shapes, paths, shape_of, shape_of_xml


def test_what_is_written_is_what_an_answer_consists_of() -> None:
    shapes = Shapes()
    shapes.define("vpc", "id restartrequired:b network[] zone{id}")
    shapes.define("vpc.2", "@vpc -zone servicelist[:s]")
    answer = {"count": 2, "vpc": [{"id": "1", "restartrequired": False, "network": [], "servicelist": ["Dns"]}]}

    assert paths(shapes.read("count:n vpc[@vpc.2]")) == paths(shape_of(answer))


def test_a_list_has_the_keys_of_all_its_rows() -> None:
    rows = [{"id": "1", "tags": []}, {"number": 2, "tags": [{"key": "env"}]}]

    assert paths(shape_of({"row": rows})) == {
        ".row (list)",
        ".row[] (object)",
        ".row[].id (s)",
        ".row[].number (n)",
        ".row[].tags (list)",
        ".row[].tags[] (object)",
        ".row[].tags[].key (s)",
    }


def test_rows_that_disagree_in_a_type_show_both() -> None:
    assert paths(shape_of([{"zoneid": 1}, {"zoneid": "one"}])) >= {"[].zoneid (n|s)"}


def test_xml_has_keys_and_no_types() -> None:
    name, shape = shape_of_xml(b"<listed><count>2</count><vpc><id>1</id></vpc><vpc><name>x</name></vpc></listed>")

    assert (name, shape) == ("listed", {"count": "s", "vpc": {"id": "s", "name": "s"}})
