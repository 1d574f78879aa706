"""Which servers `mpcgov.worker.readers.sql` reads, apart from it, as SQLAlchemy takes a quarter of a second to load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Server:
    """A kind of server: SQLAlchemy's name of its dialect and driver, the driver's module, and the extra that has it."""

    driver: str
    module: str
    extra: str
    isolation: str | None = None


SERVERS: Mapping[str, Server] = {
    "mysql": Server("mysql+pymysql", "pymysql", "mysql", "REPEATABLE READ"),
    "mariadb": Server("mariadb+pymysql", "pymysql", "mysql", "REPEATABLE READ"),
    "mssql": Server("mssql+pymssql", "pymssql", "mssql"),
    "oracle": Server("oracle+oracledb", "oracledb", "oracle"),
}
"""By the scheme of a URL."""
