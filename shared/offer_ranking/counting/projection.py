"""The reading of events as SQL, generated from the table of `events.spelling`.

It decides the plain lines, which are nearly all, exactly as `events.proposition_event` does and in the same order;
whatever is not plain (no object, a time written in a rare form, no offer to be seen) it leaves to that parser.
Two properties of DuckDB's JSON reader carry this: a value of another type than asked for becomes NULL, which is the
parser's "as good as absent", and a leaf asked for as JSON keeps its quotes, which tells "1" from 1.
"""
# ruff: noqa: S608 - these queries are made of names of this package alone, never of anything from an event

from __future__ import annotations

from collections.abc import Mapping

from offer_ranking.events import proposition_event as rules
from offer_ranking.events.instant import END_OF_TIME, MICROSECONDS_PER_HOUR
from offer_ranking.events.reason import Reason
from offer_ranking.events.spelling import (
    EMAIL_OFFER,
    EVENT,
    ITEM,
    PROPOSITION,
    PROPOSITION_EVENT_TYPES,
    STRATEGY,
    Path,
    Paths,
)

# What a line is for SQL, beside the names of reasons: left to the parser, or holding offers.
PARSE, OFFERS, OTHER, LATE = "parse", "offers", "other", "late"
CONVERSION = rules.Kind.CONVERSION.value

_LISTS: Mapping[str, Mapping[str, Paths] | None] = {
    "propositions": PROPOSITION,
    "items": ITEM,
    "strategies": STRATEGY,
    "email_offers": EMAIL_OFFER,
    "stamped_offers": None,
}
_TIME = (
    r'"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-][01][0-9]:[0-5][0-9])"'
)
_UUID7 = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"

MACROS = rf"""
CREATE TEMP MACRO text_of(leaf) AS CASE WHEN starts_with(leaf, '"') THEN nullif(json_extract_string(leaf, '$'), '') END;
CREATE TEMP MACRO is_one(leaf) AS coalesce(leaf IN ('1', '1.0', 'true'), false);
CREATE TEMP MACRO filled(list) AS CASE WHEN len(list) > 0 THEN list END;
CREATE TEMP MACRO rows_of(list) AS coalesce(filled(list), [NULL]);
CREATE TEMP MACRO in_range(time) AS CASE WHEN time >= 0 AND time < {END_OF_TIME} THEN time END;
CREATE TEMP MACRO time_of(leaf) AS CASE WHEN regexp_full_match(leaf, '{_TIME}')
  THEN in_range(epoch_us(try_cast(leaf[2:-2] AS TIMESTAMPTZ))) END;
CREATE TEMP MACRO issued_of(leaf) AS CASE
  WHEN regexp_full_match(leaf, '[0-9]{{1,15}}') THEN in_range(leaf::BIGINT * 1000)
  WHEN regexp_full_match(leaf, '"[0-9]{{1,15}}"') THEN in_range(leaf[2:-2]::BIGINT * 1000)
  ELSE time_of(leaf) END;
CREATE TEMP MACRO uuid7_of(id) AS CASE WHEN regexp_full_match(id, '{_UUID7}')
  THEN in_range(('0x' || id[1:8] || id[10:13])::BIGINT * 1000) END;
CREATE TEMP MACRO identity_of(kind, token, offer, time, id) AS CASE WHEN offer IS NULL THEN NULL
  WHEN token IS NOT NULL THEN md5_number('t' || kind || length(token) || ':' || token || offer)
  WHEN id IS NOT NULL THEN md5_number('i' || time || ':' || id) END;
CREATE TEMP MACRO etag_leaf(etags, offer) AS CASE WHEN starts_with(etags, '{{')
  THEN json_extract(etags, '/' || replace(replace(offer, '~', '~0'), '/', '~1')) END;
"""


def columns() -> dict[str, str]:
    """Name every column to read with its DuckDB type."""
    return _tree({**EVENT, **{f"mark_{name}": paths for name, paths in PROPOSITION_EVENT_TYPES.items()}})


def _tree(fields: Mapping[str, Paths]) -> dict[str, str]:
    nested: dict[str, dict[Path, str]] = {}
    for name, paths in fields.items():
        for path in paths:
            nested.setdefault(path[0], {})[path[1:]] = _type(name)
    return {key: leaves[()] if () in leaves else _struct_of_paths(leaves) for key, leaves in nested.items()}


def _type(name: str) -> str:
    if name not in _LISTS:
        return "JSON"
    element = _LISTS[name]
    return f"{_struct(_tree(element)) if element else 'JSON'}[]"


def _struct_of_paths(leaves: Mapping[Path, str]) -> str:
    nested: dict[str, dict[Path, str]] = {}
    for path, kind in leaves.items():
        nested.setdefault(path[0], {})[path[1:]] = kind
    return _struct({k: below[()] if () in below else _struct_of_paths(below) for k, below in nested.items()})


def _struct(members: Mapping[str, str]) -> str:
    return "STRUCT(" + ", ".join(f'"{name}" {kind}' for name, kind in members.items()) + ")"


def _places(holder: str, paths: Paths) -> list[str]:
    prefix = f"{holder}." if holder else ""
    return [prefix + ".".join(f'"{key}"' for key in path) for path in paths]


def _value(holder: str, paths: Paths) -> str:
    return f"coalesce({', '.join(_places(holder, paths))})"


def _text(holder: str, paths: Paths) -> str:
    return f"coalesce({', '.join(f'text_of({place})' for place in _places(holder, paths))})"


def _rows(holder: str, paths: Paths) -> str:
    return f"coalesce({', '.join(f'filled({place})' for place in _places(holder, paths))})"


def offers_of(source: str) -> str:
    """Write the query that turns events (`columns`, in the order of lines) into rows of offers.

    Every line has at least one row: (line, verdict, kind, place, identity, offer, etag, model, traffic, cell, position,
    hour, lag, is_odd). verdict: OFFERS, OTHER, LATE, PARSE or a reason. Of a line with OFFERS, rows without an identity
    name no offer, and where any row is odd the parser must decide. Stages are small since DuckDB computes what one
    SELECT says twice, twice.
    """
    return f"""
    WITH leaves AS ({_leaves()} FROM {source}),
    kinds AS (SELECT * EXCLUDE (shown), {_kind()} AS kind, time_of(own) AS sent, time_of(stamped) AS received,
        CASE WHEN kind IS NOT NULL THEN shown END AS shown FROM leaves),
    living AS (SELECT *, {_live()} AS live FROM kinds),
    judged AS (SELECT line, kind, id, stamped_model, stamped_traffic, stamped_cell, stamped_issued, live,
        {_verdict()} AS verdict, coalesce(received, sent) AS time FROM living),
    lists AS (SELECT * EXCLUDE (live), rows_of(CASE WHEN verdict = '{OFFERS}' THEN live END) AS list FROM judged),
    propositions AS (SELECT * EXCLUDE (list), unnest(list) AS proposition,
        generate_subscripts(list, 1) AS proposition_index FROM lists),
    parts AS ({_parts()} FROM propositions),
    items AS (SELECT * EXCLUDE (items), unnest(items) AS item, generate_subscripts(items, 1) AS item_index FROM parts),
    offers AS ({_offers()} FROM items)
    SELECT line, verdict, kind, place, identity_of(kind, token, offer, time, id) AS identity, offer,
      coalesce(own_etag, text_of(etag_leaf), '') AS etag,
      coalesce(stamped_model, strategy_model, item_model, '') AS model,
      coalesce(stamped_traffic, if(strategy_model IS NULL, item_traffic, strategy_traffic), '') AS traffic,
      coalesce(stamped_cell, cell, '') AS cell, position,
      impression // {MICROSECONDS_PER_HOUR} AS hour,
      time // {MICROSECONDS_PER_HOUR} - impression // {MICROSECONDS_PER_HOUR} AS lag, is_odd
    FROM offers"""


def _leaves() -> str:
    """Select what each line itself says."""
    marks = ", ".join(
        f"({' OR '.join(f'is_one({place})' for place in _places('', paths))}) AS {_mark(name)}"
        for name, paths in PROPOSITION_EVENT_TYPES.items()
    )
    texts = ("event_type", "id", "trust", "stamped_model", "stamped_traffic", "stamped_cell")
    values = {"own": "time", "stamped": "received_at", "dry_run": "dry_run", "capped": "capped"}
    return f"""
      SELECT row_number() OVER () AS line, {" OR ".join(f'"{name}" IS NOT NULL' for name in columns())} AS is_read,
        {marks}, {", ".join(f"{_text('', EVENT[name])} AS {name}" for name in texts)},
        {", ".join(f"{_value('', EVENT[field])} AS {name}" for name, field in values.items())},
        {_value("", EVENT["stamped_issued_at"])} AS stamped_issued,
        {_rows("", EVENT["propositions"])} AS shown, {_rows("", EVENT["email_offers"])} AS email_offers"""


def _mark(name: str) -> str:
    return f"is_{name}"


def _kind() -> str:
    by_mark = " ".join(f"WHEN {_mark(name)} THEN {kind:d}" for name, kind in rules.PROPOSITION_EVENT_KINDS.items())
    others = " OR ".join(_mark(name) for name in PROPOSITION_EVENT_TYPES if name not in rules.PROPOSITION_EVENT_KINDS)
    by_type = " ".join(f"WHEN event_type = '{name}' THEN {kind:d}" for name, kind in rules.EVENT_TYPES.items())
    return f"CASE {by_mark} WHEN {others} THEN NULL {by_type} END"


def _live() -> str:
    """Keep the propositions that are no fallback; lists of one, nearly all, are spared the lambda."""
    return f"""CASE WHEN len(shown) = 1 THEN CASE WHEN {_is_fallback("shown[1]")} THEN [] ELSE shown END
      ELSE [p FOR p IN shown IF NOT ({_is_fallback("p")})] END"""


def _is_fallback(proposition: str) -> str:
    strategies, items = (_rows(proposition, PROPOSITION[name]) for name in ("strategies", "items"))
    step = _text("s", STRATEGY["step"])
    by_strategy = f"""CASE WHEN len({strategies}) = 1 THEN {_text(f"({strategies})[1]", STRATEGY["step"])} = 'fallback'
      ELSE len([s FOR s IN {strategies} IF {step} = 'fallback']) > 0 END"""
    others = f"[i FOR i IN {items} IF {_text('i', ITEM['step'])} IS DISTINCT FROM 'fallback']"
    by_items = f"""CASE WHEN {_text(f"({items})[1]", ITEM["step"])} = 'fallback' THEN len({others}) = 0 END"""
    return f"coalesce({by_strategy}, false) OR coalesce({by_items}, false)"


def _verdict() -> str:
    marked = " + ".join(f"{_mark(name)}::TINYINT" for name in PROPOSITION_EVENT_TYPES)
    return f"""CASE
      WHEN NOT is_read THEN '{PARSE}'
      WHEN {marked} > 1 THEN '{Reason.AMBIGUOUS_EVENT_TYPE}'
      WHEN {marked} = 0 AND event_type = '{rules.EMAIL}' AND len(email_offers) > 0 THEN '{PARSE}'
      WHEN kind IS NULL OR dry_run = 'true' OR (len(shown) > 0 AND len(live) = 0) THEN '{OTHER}'
      WHEN trust = 'untrusted' THEN '{Reason.UNTRUSTED}'
      WHEN capped = 'true' THEN '{Reason.CAPPED}'
      WHEN own IS NULL AND stamped IS NULL THEN '{Reason.TIME_MISSING}'
      WHEN (own IS NOT NULL AND sent IS NULL) OR (stamped IS NOT NULL AND received IS NULL) THEN '{PARSE}'
      WHEN abs(sent - received) > {rules.LATE_AFTER} THEN '{LATE}'
      ELSE '{OFFERS}' END"""


def _parts() -> str:
    """Take each proposition apart."""
    strategies = _rows("proposition", PROPOSITION["strategies"])
    is_named = f"{_text('s', STRATEGY['model'])} IS NOT NULL"
    is_ranked = f"{is_named} AND {_text('s', STRATEGY['step'])} = 'aiModel'"
    return f"""
      SELECT * EXCLUDE (proposition), {_text("proposition", PROPOSITION["token"])} AS token,
        {_text("proposition", PROPOSITION["cell"])} AS cell, {_value("proposition", PROPOSITION["etags"])} AS etags,
        CASE WHEN len({strategies}) = 1 THEN ({strategies})[1]
          ELSE coalesce([s FOR s IN {strategies} IF {is_ranked}][1], [s FOR s IN {strategies} IF {is_named}][1]) END
          AS strategy,
        CASE WHEN kind = {CONVERSION} THEN {_value("proposition", PROPOSITION["issued_at"])} END AS issued_at,
        CASE WHEN kind = {CONVERSION} THEN {_text("proposition", PROPOSITION["id"])} END AS proposition_id,
        rows_of({_rows("proposition", PROPOSITION["items"])}) AS items"""


def _offers() -> str:
    """Take each item apart."""
    issued = "issued_of(stamped_issued), issued_of(issued_at), uuid7_of(proposition_id)"
    is_odd = " OR ".join(
        f"({name} IS NOT NULL AND issued_of({name}) IS NULL)" for name in ("stamped_issued", "issued_at")
    )
    return f"""
      SELECT * EXCLUDE (item, strategy), proposition_index * {2**32} + item_index AS place,
        CASE WHEN {_text("item", ITEM["step"])} IS DISTINCT FROM 'fallback'
          THEN {_text("item", ITEM["id"])} END AS offer,
        {_text("item", ITEM["etag"])} AS own_etag, etag_leaf(etags, offer) AS etag_leaf,
        {_text("item", ITEM["model"])} AS item_model, {_text("item", ITEM["traffic"])} AS item_traffic,
        {_text("strategy", STRATEGY["model"])} AS strategy_model,
        {_text("strategy", STRATEGY["traffic"])} AS strategy_traffic,
        CASE WHEN item_index <= {rules.MAX_POSITION} THEN item_index ELSE 0 END AS position,
        CASE WHEN kind = {CONVERSION} THEN least(time, coalesce({issued}, time)) ELSE time END AS impression,
        CASE WHEN kind = {CONVERSION} THEN {is_odd} ELSE false END AS is_odd"""
