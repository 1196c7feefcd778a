"""Who executes an expression: DuckDB on this machine, or Spark for fleets beyond one.

What is fetched has integers and texts only, and no NULL: both give the same.
"""

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from wattledger.errors import ToolError

NAMES = ("duckdb", "spark")


class Engine(Protocol):
    name: str

    def read(self, paths: Sequence[Path]) -> Any:
        """-> Ibis table over Parquet files that have the same columns."""

    def table(self, columns: Mapping[str, Any]) -> Any:
        """columns: texts or int64 by name, not empty. -> Ibis table, in RAM"""

    def fetch(self, expression: Any) -> Any:
        """Execute it. -> pyarrow.Table"""


def connect(name: str) -> Engine:
    """name: of NAMES. ToolError: no such engine, or what it needs is not installed."""
    if name == "duckdb":
        return _DuckDB()
    if name == "spark":
        return _Spark()
    raise ToolError(f"engine: {name}: expected {' or '.join(NAMES)}")


class _DuckDB:
    name = "duckdb"

    def __init__(self) -> None:
        try:
            import duckdb
            import ibis
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise ToolError(f"duckdb: no {error.name}: pip install 'wattledger[fleet]'") from None
        self._connection, self._errors = ibis.duckdb.connect(), duckdb.Error

    def read(self, paths: Sequence[Path]) -> Any:
        with _told(self.name, self._errors):
            return self._connection.read_parquet([str(path) for path in paths])

    def table(self, columns: Mapping[str, Any]) -> Any:
        import ibis
        import pyarrow as pa

        return ibis.memtable(pa.table(dict(columns)))

    def fetch(self, expression: Any) -> Any:
        with _told(self.name, self._errors):
            return self._connection.to_pyarrow(expression)


class _Spark:
    """The session is that of the process: local, or what spark-defaults.conf names."""

    name = "spark"

    def __init__(self) -> None:
        if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
            raise ToolError("spark: no java: install Java 17, or use --engine duckdb")
        try:
            import ibis
            import pyarrow  # noqa: F401
            from py4j.protocol import Py4JError
            from pyspark.errors import PySparkException
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise ToolError(f"spark: no {error.name}: pip install 'wattledger[spark]'") from None
        builder = SparkSession.builder.appName("wattledger")
        for name in ("spark.ui.enabled", "spark.ui.showConsoleProgress"):
            builder = builder.config(name, "false")
        self._errors = (PySparkException, Py4JError)
        with _told(self.name, self._errors):
            self._session = builder.getOrCreate()
        self._session.sparkContext.setLogLevel("ERROR")
        self._connection = ibis.pyspark.connect(self._session)
        self._numbers = itertools.count()

    def read(self, paths: Sequence[Path]) -> Any:
        with _told(self.name, self._errors):
            return self._named(self._session.read.parquet(*(str(path) for path in paths)))

    def table(self, columns: Mapping[str, Any]) -> Any:
        """From Python's own values, as the way by pandas would ask for more packages; to each
        task, or a join would sort all rows."""
        from pyspark.sql.functions import broadcast

        lists = [list(map(_plain, column)) for column in columns.values()]
        kinds = ("string" if isinstance(values[0], str) else "bigint" for values in lists)
        schema = ", ".join(f"{name} {kind}" for name, kind in zip(columns, kinds, strict=True))
        frame = self._session.createDataFrame(zip(*lists, strict=True), schema)
        return self._named(broadcast(frame))

    def fetch(self, expression: Any) -> Any:
        """By Arrow, as pandas would make floats of integers beside a NULL."""
        import pyarrow as pa

        with _told(self.name, self._errors):
            frame = self._session.sql(self._connection.compile(expression))
            batches = frame._collect_as_arrow()  # public only from Spark 4 on
        if not batches:
            return expression.schema().to_pyarrow().empty_table()
        return pa.Table.from_batches(batches)

    def _named(self, frame: Any) -> Any:
        name = f"wattledger_{next(self._numbers)}"
        frame.createOrReplaceTempView(name)
        return self._connection.table(name)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else int(value)


@contextlib.contextmanager
def _told(name: str, errors: Any) -> Iterator[None]:
    """What an engine says of files and of itself, in one line."""
    try:
        yield
    except errors as error:
        line = str(error).strip().splitlines()[0]
        raise ToolError(f"{name}: {line}: is all Parquet in the folder a head-end's?") from None
