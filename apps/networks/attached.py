"""What has to go before a VPC can. Other apps register theirs in `AppConfig.ready`, as nothing here knows them.

How many there are of each stands in the VPC's row, by triggers of the database (`attaches`, in a migration of that
app): so neither a page nor a list of VPCs asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db.migrations import RunSQL

# For each row, since one may be attached to two VPCs. An update leaves one and joins another, as if it were two rows.
COUNT = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND ({old}) THEN
        UPDATE networks_vpc SET attached = jsonb_set(
            attached, '{{{key}}}', to_jsonb(greatest(coalesce((attached ->> '{key}')::int, 0) - 1, 0))
        ) WHERE id IN ({old_ids});
    END IF;
    IF TG_OP <> 'DELETE' AND ({new}) THEN
        UPDATE networks_vpc SET attached = jsonb_set(
            attached, '{{{key}}}', to_jsonb(coalesce((attached ->> '{key}')::int, 0) + 1)
        ) WHERE id IN ({new_ids});
    END IF;
    RETURN NULL;
END $$
"""


@dataclass(frozen=True)
class Attachment:
    """Something that is attached to a VPC."""

    key: str
    #: What one of them is called.
    noun: str
    #: How one gets rid of it: a sentence.
    way_out: str


_registered: dict[str, Attachment] = {}


def register(attachment: Attachment) -> None:
    """Apps call this from `AppConfig.ready`."""
    _registered[attachment.key] = attachment


def why_it_stays(counts: Mapping[str, int]) -> str | None:
    """Why a VPC cannot be deleted that has so many attached of each; None when it can."""
    for key, count in counts.items():
        if count and (known := _registered.get(key)):
            them = f"{count} {known.noun}s are" if count > 1 else f"A {known.noun} is"
            return f"{them} attached to the VPC. {known.way_out}"
    return None


def attaches(key: str, table: str, *columns: str, live: str) -> Iterator[RunSQL]:
    """Count the rows of a table with the VPCs that these columns name, while they are `live`: SQL in which `row.`
    stands before each column. The migration depends on ("networks", "0013_vpcs_know_what_is_attached_to_them")."""
    name = f"networks_attached_{key}"
    sql = COUNT.format(
        name=name,
        key=key,
        old=live.replace("row.", "OLD."),
        new=live.replace("row.", "NEW."),
        old_ids=", ".join(f"OLD.{column}" for column in columns),
        new_ids=", ".join(f"NEW.{column}" for column in columns),
    )
    yield RunSQL(sql, f"DROP FUNCTION {name}()")
    yield RunSQL(
        f"CREATE TRIGGER attached_{key} AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW "
        f"EXECUTE FUNCTION {name}()",
        f"DROP TRIGGER attached_{key} ON {table}",
    )
