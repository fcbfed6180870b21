"""The schemas of the tables in a run folder, for every module that writes or reads one.

Columns of the source are text (`string`) where the job sends them; those it carries along keep their type. Which are which
is named by the plan. Columns of ours that stand beside a user's in the *answers* start with `claude_`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

import pyarrow as pa

from airflow_provider_claude.errors import SourceError

#: Money: twelve decimals hold the price of a single cached token exactly.
USD = pa.decimal128(18, 12)

#: What a source yields, before the columns that were asked for. `defect` says why a row cannot be used; `claude_hidden` is
#: text of the row that its reader would not see: it is judged, and never sent. `lost_rows` is 0 for a row. A defect of a whole
#: region is no row itself: there it is the number of rows in it, null where they cannot be counted.
SOURCE_FIELDS = (
    pa.field("item_id", pa.string()),
    pa.field("source_ref", pa.string(), nullable=False),
    pa.field("defect", pa.string()),
    pa.field("flags", pa.list_(pa.string()), nullable=False),
    pa.field("claude_hidden", pa.string()),
    pa.field("lost_rows", pa.int64()),
)

#: items/part-*.parquet: the rows to be answered. `ordinal` counts them from 0 over the whole run, without gaps. One that is
#: `scan_suspect` is to be screened, if there is a screening; `scan_score`, 0 to 1, is how sure the gate is that it is hostile.
#: `scan_found` says whether the gate has found anything, or a person has released the row, see core.doubt.
ITEM_FIELDS = (
    pa.field("ordinal", pa.int64(), nullable=False),
    pa.field("item_id", pa.string(), nullable=False),
    pa.field("source_ref", pa.string(), nullable=False),
    pa.field("input_hash", pa.string(), nullable=False),
    pa.field("flags", pa.list_(pa.string()), nullable=False),
    pa.field("scan_suspect", pa.bool_(), nullable=False),
    pa.field("scan_score", pa.float32(), nullable=False),
    pa.field("scan_found", pa.bool_(), nullable=False),
)

#: splits/*/candidates/part-*.parquet: the rows that become items, unless they are duplicates of others. Where the gate has
#: doubts, `scan_doubt` is the hash of what was judged of the row, `scan_doubt_text` all of it, `scan_text_hash` as below.
CANDIDATE_FIELDS = (
    *ITEM_FIELDS[1:],
    pa.field("scan_text_hash", pa.string()),
    pa.field("scan_doubt", pa.string()),
    pa.field("scan_doubt_text", pa.string()),
)

#: quarantine/part-*.parquet: rows set aside, their texts as they came (as they were cleaned, where the row was to become an
#: item before). `reason` is a short stable word, `detail` a sentence;
#: `scan_layer` the layer of the gate that gave it, or `source` for a row that cannot be sent in any case.
#: `scan_excerpt` is safe to show; `scan_text_hash` stands for the texts as they came; `claude_hidden` and
#: `lost_rows` as in SOURCE_FIELDS.
QUARANTINE_FIELDS = (
    pa.field("item_id", pa.string()),
    pa.field("source_ref", pa.string(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),
    pa.field("detail", pa.string(), nullable=False),
    pa.field("scan_layer", pa.string(), nullable=False),
    pa.field("scan_score", pa.float32(), nullable=False),
    pa.field("scan_excerpt", pa.string(), nullable=False),
    pa.field("scan_text_hash", pa.string(), nullable=False),
    pa.field("flags", pa.list_(pa.string()), nullable=False),
    pa.field("claude_hidden", pa.string()),
    pa.field("lost_rows", pa.int64()),
)

#: originals/part-*.parquet: items and duplicates that cleaning changed by more than line ends, with their texts as they
#: came. Rows in quarantine are there as they came.
ORIGINAL_FIELDS = (
    pa.field("item_id", pa.string(), nullable=False),
    pa.field("source_ref", pa.string(), nullable=False),
)

#: duplicates/part-*.parquet: rows with the very text of an earlier one, which is answered for both; or, where that was asked
#: for, with nearly its text (`scan_near`).
DUPLICATE_FIELDS = (
    pa.field("ordinal", pa.int64(), nullable=False),
    pa.field("item_id", pa.string(), nullable=False),
    pa.field("source_ref", pa.string(), nullable=False),
    pa.field("duplicate_of", pa.string(), nullable=False),
    pa.field("scan_near", pa.bool_(), nullable=False),
)

#: doubts/part-*.parquet: what Claude is asked about, also after it has answered: rows that the other layers suspect and
#: no person has released. `id` is the hash of what was judged of a row, `text` all of it: what the job sends, and what it
#: leaves out.
DOUBT_FIELDS = (
    pa.field("id", pa.string(), nullable=False),
    pa.field("text", pa.string(), nullable=False),
)

#: The column that names a doubt and how it is asked, where the job's question is asked twice: see `core.scan.flip`.
DOUBT_ID = "doubt_id"

#: shards/*/N.manifest.parquet: what is sent as which custom id, written before it is paid for. `index` counts the shard's
#: items from 0: the same shard may begin at another ordinal when rows before it come or go. Row n has the custom id that
#: ends in n; `max_tokens` is the job's, or more where an answer was cut off before.
#: Where items share requests, rows that follow one another have the same custom id, which ends in `pack_number`, and the
#: same `request_hash`, that of the request they share; `max_tokens` stays the item's own.
MANIFEST_FIELDS = (
    pa.field("index", pa.int32(), nullable=False),
    pa.field("item_id", pa.string(), nullable=False),
    pa.field("custom_id", pa.string(), nullable=False),
    pa.field("input_hash", pa.string(), nullable=False),
    pa.field("request_hash", pa.binary(32), nullable=False),
    pa.field("max_tokens", pa.int32(), nullable=False),
)

#: Further columns of a manifest whose items share requests. `pack_number` counts the requests from 0,
#: `pack_element` the items of a request from 1; 0 is an item that was to be asked alone.
PACKED_FIELDS = (
    pa.field("pack_number", pa.int32(), nullable=False),
    pa.field("pack_element", pa.int32(), nullable=False),
)

#: reused/part-*.parquet: items whose very request was answered before: row `row` of the manifest of attempt `attempt`
#: of `shard`, a path in the work folder.
REUSED_FIELDS = (
    pa.field("ordinal", pa.int64(), nullable=False),
    pa.field("shard", pa.string(), nullable=False),
    pa.field("attempt", pa.int32(), nullable=False),
    pa.field("row", pa.int32(), nullable=False),
)

#: shards/*/*.reused.parquet: those answers, as they came, for the items at `index` of the shard.
REUSED_ANSWER_FIELDS = (
    pa.field("index", pa.int32(), nullable=False),
    pa.field("request_hash", pa.binary(32), nullable=False),
    pa.field("max_tokens", pa.int32(), nullable=False),
    pa.field("line", pa.binary(), nullable=False),
    pa.field("batch_id", pa.string()),
    pa.field("shard", pa.string(), nullable=False),
    pa.field("attempt", pa.int32(), nullable=False),
    pa.field("row", pa.int32(), nullable=False),
)

#: shards/*/unresolved.parquet: items, and duplicates of items, that got no valid answer. `outcome` is one of
#: core.outcomes; `error_type` the API's, where it gave one; `answer` the model's raw text, where there is one.
#: Of the `tries` rounds that asked, `invalid` brought an answer to it alone that was not valid; `max_tokens` was the last
#: limit, and `packed` how many items shared the last request, null where it was asked alone.
UNRESOLVED_FIELDS = (
    pa.field("ordinal", pa.int64(), nullable=False),
    pa.field("item_id", pa.string(), nullable=False),
    pa.field("duplicate_of", pa.string()),
    pa.field("custom_id", pa.string()),
    pa.field("outcome", pa.string(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),
    pa.field("error_type", pa.string()),
    pa.field("answer", pa.string()),
    pa.field("tries", pa.int32(), nullable=False),
    pa.field("invalid", pa.int32(), nullable=False),
    pa.field("max_tokens", pa.int32()),
    pa.field("packed", pa.int32()),
    pa.field("cost_usd", USD, nullable=False),
)

#: answers/part-*.parquet start with these, then carried columns, then the answer's own, then PROVENANCE. `claude_flags`
#: says what an answer echoes, see core.load.prompt_leaks, and whether it was cleaned, see core.load.clean_answers.
ANSWER_KEY_FIELDS = (
    pa.field("item_id", pa.string(), nullable=False),
    pa.field("duplicate_of", pa.string()),
)

PROVENANCE_FIELDS = (
    pa.field("claude_batch_id", pa.string()),
    pa.field("claude_custom_id", pa.string(), nullable=False),
    pa.field("claude_message_id", pa.string(), nullable=False),
    pa.field("claude_model", pa.string(), nullable=False),
    pa.field("claude_lane", pa.string(), nullable=False),
    pa.field("claude_attempt", pa.int16(), nullable=False),
    pa.field("claude_stop_reason", pa.string()),
    pa.field("claude_flags", pa.list_(pa.string()), nullable=False),
    pa.field("claude_input_tokens", pa.int32(), nullable=False),
    pa.field("claude_output_tokens", pa.int32(), nullable=False),
    pa.field("claude_cache_read_tokens", pa.int32(), nullable=False),
    pa.field("claude_cache_creation_tokens", pa.int32(), nullable=False),
    pa.field("claude_cost_usd", USD, nullable=False),
    pa.field("claude_prompt_hash", pa.string(), nullable=False),
    pa.field("claude_schema_hash", pa.string(), nullable=False),
    pa.field("claude_input_hash", pa.string(), nullable=False),
    pa.field("claude_request_hash", pa.string(), nullable=False),
    pa.field("claude_dag_id", pa.string()),
    pa.field("claude_run_id", pa.string()),
    pa.field("claude_task_id", pa.string()),
    pa.field("claude_map_index", pa.int32()),
    pa.field("claude_loaded_at", pa.timestamp("us", tz="UTC"), nullable=False),
)

#: The last column of the answers where votes are asked for (`resolve`): JSON, see
#: core.consistency.vote.Ballot; null without a vote.
VOTES = pa.field("claude_votes", pa.string())


#: How the columns of a run folder are called that hold what is carried, typed, of a column that is also sent, as text.
_CARRIED = "claude_carried_"


def carried_name(column: str, sent: Container[str]) -> str:
    """What a typed column that is carried is called in the run folder, where the columns *sent* are there as text."""
    return _CARRIED + column if column in sent else column


def source_name(name: str) -> str:
    """The column of the source that the column *name* of a run folder is from."""
    return name.removeprefix(_CARRIED)


def carried_fields(schema: pa.Schema, carry: Iterable[str]) -> list[pa.Field]:
    """The fields of *schema*, a table of a run folder, that hold what is carried of the columns *carry*."""
    return [schema.field(name if (name := _CARRIED + column) in schema.names else column) for column in carry]


def as_carried(fields: Iterable[pa.Field]) -> list[pa.Field]:
    """*fields* of a run folder as the answers have them."""
    return [field.with_name(source_name(field.name)).with_nullable(nullable=True).remove_metadata() for field in fields]


def flip_fields(columns: Iterable[str]) -> pa.Schema:
    """doubts/part-*.parquet where the job's question is asked twice: the name of a doubt, and the *columns* that are sent."""
    return with_columns([pa.field(DOUBT_ID, pa.string(), nullable=False)], columns)


def with_columns(fields: Iterable[pa.Field], columns: Iterable[str | pa.Field]) -> pa.Schema:
    """A schema of *fields* followed by *columns*, each once: fields, or names of nullable text columns.

    Raises SourceError where a column has the name of one of *fields*.
    """
    own = list(fields)
    more = {one.name: one for one in (pa.field(c, pa.string()) if isinstance(c, str) else c for c in columns)}
    taken = sorted({field.name for field in own}.intersection(more))
    if taken:
        raise SourceError(f"The source has columns named {', '.join(taken)}, names the run folder uses. Rename them.")
    return pa.schema([*own, *more.values()])
