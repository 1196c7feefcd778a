"""The store as tables of DuckDB: views over the files that its manifest names.

intervals   one row for each profile row, serial, salt, seq, utc (END, Unix s), registers, ...
records     of the other rings: serial, salt, ring, seq, utc, record (its bytes)
energy      intervals with what was used in each: used_mwh, fed_mwh, and `at`, a timestamp
kept        serial, salt, ring: first and last seq, how many records, their latest utc
gaps        seqs that are missing between two that are there
"""

from pathlib import Path
from typing import Any

import duckdb

from wattledger.errors import ToolError
from wattledger.headend import manifest
from wattledger.headend.state import Known
from wattledger.headend.store import INTERVALS, RECORDS

_EMPTY = {
    INTERVALS: "serial VARCHAR, salt UINTEGER, seq UINTEGER, utc UINTEGER, import_mwh UBIGINT,"
    " export_mwh UBIGINT, reactive_plus_mvarh UBIGINT, reactive_minus_mvarh UBIGINT,"
    " status USMALLINT, rate UTINYINT, tier UTINYINT, price_id USMALLINT, v_min_dv USMALLINT,"
    " v_max_dv USMALLINT, duration_s USMALLINT, price_nano BIGINT, export_nano BIGINT",
    RECORDS: "serial VARCHAR, salt UINTEGER, ring VARCHAR, seq UINTEGER, utc UINTEGER,"
    " record BLOB",
}
_VIEWS = """
CREATE VIEW energy AS SELECT *, make_timestamp(utc::BIGINT * 1000000) AS at,
    import_mwh::BIGINT - lag(import_mwh::BIGINT) OVER journal AS used_mwh,
    export_mwh::BIGINT - lag(export_mwh::BIGINT) OVER journal AS fed_mwh
    FROM intervals WINDOW journal AS (PARTITION BY serial, salt ORDER BY seq);
CREATE VIEW every AS
    SELECT serial, salt, 'profile' AS ring, seq, utc FROM intervals
    UNION ALL SELECT serial, salt, ring, seq, utc FROM records;
CREATE VIEW kept AS SELECT serial, salt, ring, min(seq) AS first_seq, max(seq) AS last_seq,
    count(*) AS count, max(utc) AS utc FROM every GROUP BY ALL;
CREATE VIEW gaps AS SELECT serial, salt, ring, before + 1 AS first_seq, seq - 1 AS last_seq FROM
    (SELECT *, lag(seq) OVER (PARTITION BY serial, salt, ring ORDER BY seq) AS before FROM every)
    WHERE seq > before + 1;
"""


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """-> a database in RAM that sees the store as it is now; nothing of it can be changed."""
    files, _ = manifest.read(folder)
    database = duckdb.connect()
    for kind, columns in _EMPTY.items():
        paths = [str(folder / file.path) for file in files if file.kind == kind]
        if paths:
            named = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
            source = f"SELECT * EXCLUDE (month) FROM read_parquet([{named}])"
            database.execute(f"CREATE VIEW {kind} AS {source}")
        else:
            database.execute(f"CREATE TABLE {kind} ({columns})")
    database.execute(_VIEWS)
    return database


def known(folder: Path) -> list[Known]:
    """-> what the store has of each ring of each journal."""
    with connect(folder) as database:
        rows = database.execute("SELECT serial, salt, ring, last_seq, utc FROM kept").fetchall()
    return [Known(*row) for row in rows]


def query(folder: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """-> (names of the columns, rows). ToolError: it is no query of these tables."""
    try:
        with connect(folder) as database:
            found = database.execute(sql)
            return [column[0] for column in found.description or ()], found.fetchall()
    except duckdb.Error as error:
        raise ToolError(f"query: {str(error).splitlines()[0]}") from None
