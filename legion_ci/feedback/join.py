"""The join: what an experiment's deployments answered, with what really happened, one row a predicted row.

Requests are joined to outcomes by request id. However often and in whatever order events arrive, the result is the
same: of several captures of one request by one deployment the first by time counts, of several outcomes the first that
holds the asked field. Outcomes of requests that were never served are counted and never joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from legion_ci.feedback.database import opened
from legion_ci.feedback.events import json_lines, source
from legion_ci.feedback.layout import ANSWER, OUTCOME, REQUEST

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_CAPTURE = (
    "request_id", "deployment", "arm", "purpose", "experiment", "step", "share", "unit", "response_status",
    "latency_us", "time_unix", "model_version",
)  # fmt: skip
_ANSWER = ("request_id", "deployment", "response_content", "time_unix")
_OUTCOME = ("request_id", "payload", "time_unix")
_LOGGED = {
    "request_id": "VARCHAR", "arm": "VARCHAR", "experiment": "VARCHAR", "step": "VARCHAR", "share": "VARCHAR",
    "unit": "VARCHAR", "code": "INTEGER", "duration_ms": "BIGINT", "time": "VARCHAR",
}  # fmt: skip
_CLOCKS_S = 3600.0  # an outcome may carry a time before its request's: other clocks
_FIELDS_SHOWN = 20


@dataclass(frozen=True)
class Joined:
    """The joined rows and what was left out.

    rows: an Arrow table sorted by (time_unix, request_id, deployment, row) with the columns request_id, deployment
    (who answered), arm (who was meant), purpose ("" or shadow), step, share (the arm's), unit, time_unix, status,
    latency_us, row (position in the request), columns and prediction (JSON arrays, null when there was no answer),
    outcome (JSON, null when unknown), outcome_time,
    model_version (of who answered). A request without an answer has one row.
    unmatched: request ids with outcomes that were never served (in the looked-at time). fields: what payloads hold.
    """

    rows: pa.Table
    unmatched: int
    fields: tuple[str, ...]


def joined(
    store: Path,
    model: str,
    *,
    experiment: str | None,
    outcome: str | None,
    since: float = 0.0,
    gateway_logs: Sequence[Path] = (),
) -> Joined:
    """Join live requests and mirrored copies of an experiment with outcomes.

    store: the site's feedback folder. experiment: None: all live requests, in experiments or not. outcome: the payload's field (a list goes to the request's rows by position, a
    single value to each of them); None: no outcomes. since: seconds since the epoch; earlier hours are not read. gateway_logs:
    Envoy's access logs; a request that it answered with 5xx has that status, also when no server lived to capture it
    (deployment is empty then).
    """
    with opened(store, "joining the feedback") as db:
        _captures(db, store, model, experiment, since)
        _refusals(db, gateway_logs, experiment)
        _answers(db, store, model, since)
        outcomes(db, store, model, outcome, since)
        return Joined(db.sql(_ROWS).to_arrow_table(), _unmatched(db), fields(db))


def _captures(db: duckdb.DuckDBPyConnection, store: Path, model: str, experiment: str | None, since: float) -> None:
    """One row for each (request, deployment): live ones of the experiment, and copies of those."""
    served = source(store, REQUEST, model, since, _CAPTURE)
    db.execute(f"""
        CREATE TEMP TABLE served AS
        SELECT request_id, deployment, min({{
            time_unix: time_unix, arm: arm, purpose: purpose, experiment: experiment, step: step, share: share,
            unit: unit, status: response_status, latency_us: latency_us, version: model_version}}) AS c
        FROM {served} WHERE purpose IN ('', 'shadow') AND request_id IS NOT NULL GROUP BY ALL""")  # noqa: S608 - paths are quoted
    db.execute(
        """CREATE TEMP TABLE captured AS
        WITH live AS (SELECT request_id, min(c) AS c FROM served
                      WHERE c.purpose = '' AND c.experiment = coalesce($1, c.experiment) GROUP BY request_id)
        SELECT s.request_id, s.deployment, s.c.arm AS arm, s.c.purpose AS purpose,
               CASE WHEN s.c.purpose = '' THEN s.c.step ELSE coalesce(l.c.step, s.c.step) END AS step,
               s.c.share AS share, coalesce(l.c.unit, s.c.unit) AS unit, s.c.time_unix AS time_unix,
               s.c.status AS status, s.c.latency_us AS latency_us,
               s.c.version AS model_version
        FROM served s LEFT JOIN live l USING (request_id)
        WHERE s.c.experiment = coalesce($1, s.c.experiment) OR (s.c.purpose = 'shadow' AND l.request_id IS NOT NULL)""",
        [experiment],
    )


def _refusals(db: duckdb.DuckDBPyConnection, logs: Sequence[Path], experiment: str | None) -> None:
    """What users saw fail: units are hashed as servers do (``serving.captures``)."""
    logged = json_lines([p for p in logs if p.is_file()], _LOGGED)
    db.execute(
        f"""CREATE TEMP TABLE refused AS
        SELECT request_id, arm, min({{
            t: epoch(try_strptime(time, '%Y-%m-%dT%H:%M:%S.%fZ')), step: coalesce(step, ''),
            share: try_cast(share AS DOUBLE), unit: sha256(experiment || ':' || coalesce(nullif(unit, ''), request_id))[:16],
            code: code, us: duration_ms * 1000}}) AS c
        FROM {logged} WHERE experiment = coalesce($1, experiment) AND code >= 500 AND arm <> '' AND request_id <> '' GROUP BY ALL""",  # noqa: S608
        [experiment],
    )
    db.execute(
        """UPDATE captured SET status = r.c.code FROM refused r
        WHERE captured.request_id = r.request_id AND captured.arm = r.arm AND captured.purpose = ''
        AND captured.status < 500"""
    )
    db.execute(
        """INSERT INTO captured
        SELECT request_id, '', arm, '', c.step, c.share, c.unit, c.t, c.code, c.us, ''
        FROM refused ANTI JOIN captured USING (request_id, arm)"""
    )


def _answers(db: duckdb.DuckDBPyConnection, store: Path, model: str, since: float) -> None:
    """Answers, one row for each predicted row."""
    answers = source(store, ANSWER, model, since, _ANSWER)
    db.execute(f"""
        CREATE TEMP TABLE answered AS
        WITH bodies AS (
            SELECT request_id, deployment, min({{t: time_unix, body: response_content}}).body AS body
            FROM {answers} SEMI JOIN captured USING (request_id, deployment) GROUP BY ALL),
        valid AS (
            SELECT request_id, deployment, json_extract(body, '$.columns')::VARCHAR AS columns,
                   json_extract(body, ['$.prediction', '$.predictions']) AS found
            FROM bodies WHERE json_valid(body)),
        cut AS (
            SELECT request_id, deployment, coalesce(columns, '["prediction"]') AS columns,
                   unnest(from_json(coalesce(found[1], found[2]), '["JSON"]')) AS value,
                   generate_subscripts(from_json(coalesce(found[1], found[2]), '["JSON"]'), 1) - 1 AS row
            FROM valid WHERE json_type(coalesce(found[1], found[2])) = 'ARRAY')
        SELECT request_id, deployment, columns, row,
               CASE WHEN json_type(value) = 'ARRAY' THEN value::VARCHAR ELSE '[' || value::VARCHAR || ']' END
               AS prediction FROM cut""")  # noqa: S608 - paths are quoted


def outcomes(db: duckdb.DuckDBPyConnection, store: Path, model: str, outcome: str | None, since: float) -> None:
    """Make the tables ``told`` (all outcomes) and ``known``: for each request id the first known value of the field."""
    found = source(store, OUTCOME, model, since - _CLOCKS_S, _OUTCOME)
    db.execute(f"CREATE TEMP TABLE told AS SELECT * FROM {found} WHERE request_id IS NOT NULL")  # noqa: S608 - quoted
    path = "$" if outcome is None else '$."' + outcome.replace('"', '\\"') + '"'
    db.execute(
        """CREATE TEMP TABLE known AS
        SELECT request_id, first.value AS value, first.t AS outcome_time FROM (
            SELECT request_id, min({t: time_unix, value: value::VARCHAR}) AS first
            FROM (SELECT request_id, time_unix, json_extract(payload, $1) AS value FROM told)
            WHERE value IS NOT NULL AND json_type(value::JSON) <> 'NULL' AND $2 GROUP BY request_id)""",
        [path, outcome is not None],
    )


_ROWS = """
    SELECT c.request_id, c.deployment, c.arm, c.purpose, c.step, c.share, c.unit, c.time_unix, c.status, c.latency_us,
           coalesce(a.row, 0) AS row, a.columns, a.prediction,
           CASE WHEN json_type(k.value) = 'ARRAY'
                THEN nullif(json_extract(k.value, '$[' || coalesce(a.row, 0) || ']')::VARCHAR, 'null')
                ELSE k.value END AS outcome,
           k.outcome_time, c.model_version
    FROM captured c LEFT JOIN answered a USING (request_id, deployment) LEFT JOIN known k USING (request_id)
    ORDER BY c.time_unix, c.request_id, c.deployment, row"""


def _unmatched(db: duckdb.DuckDBPyConnection) -> int:
    found = db.execute("SELECT count(DISTINCT request_id) FROM told ANTI JOIN served USING (request_id)").fetchone()
    return int(found[0]) if found else 0


def fields(db: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Field names that the payloads in ``told`` hold, for advice."""
    sample = "SELECT payload FROM told WHERE json_type(payload) = 'OBJECT' LIMIT 1000"
    names = db.execute(f"SELECT DISTINCT unnest(json_keys(payload)) AS n FROM ({sample}) ORDER BY n").fetchall()  # noqa: S608
    return tuple(str(n) for (n,) in names)[:_FIELDS_SHOWN]
