"""The tables, their indexes, and the views: ``fills``, and ``readable_*`` with times as text."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

TYPES = {
    "postgresql": {"id": 'TEXT COLLATE "C"', "exact": "NUMERIC", "any": "JSONB", "double": "DOUBLE PRECISION"},
    "sqlite": {"id": "TEXT", "exact": "TEXT", "any": "JSON", "double": "FLOAT"},
}
"""``exact`` is a decimal: SQLite's NUMERIC would be a double."""

TABLES = (
    """CREATE TABLE alerts (
        event_id {id} NOT NULL, event_type {id} NOT NULL, correlation_id TEXT NOT NULL, source TEXT NOT NULL, time_ns BIGINT NOT NULL,
        bus_log INTEGER NOT NULL, bus_partition INTEGER NOT NULL, bus_offset BIGINT NOT NULL, account {id}, symbol {id}, state {id},
        alert_id {id}, limit_id {id}, rule {id}, alert_key {id}, value {double}, threshold {double}, episode BIGINT, position_version
        BIGINT, scope TEXT, state_before TEXT, order_id {id}, version BIGINT, reason TEXT, user_name TEXT, PRIMARY KEY (event_id)
    )""",
    """CREATE TABLE audit (
        event_id {id} NOT NULL, event_type {id} NOT NULL, correlation_id TEXT NOT NULL, source TEXT NOT NULL, time_ns BIGINT NOT NULL,
        bus_log INTEGER NOT NULL, bus_partition INTEGER NOT NULL, bus_offset BIGINT NOT NULL, subject {id} NOT NULL, action {id} NOT NULL,
        user_name TEXT, reason TEXT, state_before {any}, state_after {any}, PRIMARY KEY (event_id)
    )""",
    """CREATE TABLE bus_logs (
        bus_log INTEGER NOT NULL, identity TEXT NOT NULL, PRIMARY KEY (bus_log), UNIQUE (identity)
    )""",
    """CREATE TABLE executions (
        event_id {id} NOT NULL, event_type {id} NOT NULL, correlation_id TEXT NOT NULL, source TEXT NOT NULL, time_ns BIGINT NOT NULL,
        bus_log INTEGER NOT NULL, bus_partition INTEGER NOT NULL, bus_offset BIGINT NOT NULL, exec_type {id} NOT NULL, account {id},
        symbol {id}, order_id {id}, execution_id {id}, reference_execution_id {id}, venue TEXT, side TEXT, order_type TEXT, time_in_force
        TEXT, quantity {exact}, price {exact}, stop_price {exact}, cumulative_quantity {exact}, fee {exact}, amount {exact}, fee_currency
        TEXT, currency TEXT, reason TEXT, PRIMARY KEY (event_id)
    )""",
    """CREATE TABLE limit_changes (
        bus_log INTEGER NOT NULL, bus_partition INTEGER NOT NULL, bus_offset BIGINT NOT NULL, time_ns BIGINT NOT NULL, event_id {id},
        limit_id {id} NOT NULL, removed BOOLEAN NOT NULL, rule {id}, scope {id}, account {id}, symbol {id}, threshold {exact},
        clear_threshold {exact}, time_window TEXT, on_breach TEXT, on_trigger TEXT, enabled BOOLEAN, PRIMARY KEY (bus_log, bus_partition,
        bus_offset)
    )""",
    """CREATE TABLE order_updates (
        event_id {id} NOT NULL, event_type {id} NOT NULL, correlation_id TEXT NOT NULL, source TEXT NOT NULL, time_ns BIGINT NOT NULL,
        bus_log INTEGER NOT NULL, bus_partition INTEGER NOT NULL, bus_offset BIGINT NOT NULL, account {id} NOT NULL, order_id {id} NOT
        NULL, version BIGINT NOT NULL, symbol {id}, side {id}, status {id}, order_type TEXT, time_in_force TEXT, quantity {exact},
        filled_quantity {exact}, leaves_quantity {exact}, price {exact}, stop_price {exact}, average_price {exact}, last_quantity {exact},
        last_price {exact}, requested_quantity {exact}, requested_price {exact}, requested_stop_price {exact}, venue TEXT, strategy TEXT,
        user_name TEXT, reason TEXT, PRIMARY KEY (event_id)
    )""",
    """CREATE TABLE orders (
        account {id} NOT NULL, order_id {id} NOT NULL, created_ns BIGINT NOT NULL, event_id {id} NOT NULL, event_type {id} NOT NULL,
        correlation_id TEXT NOT NULL, source TEXT NOT NULL, time_ns BIGINT NOT NULL, bus_log INTEGER NOT NULL, bus_partition INTEGER NOT
        NULL, bus_offset BIGINT NOT NULL, version BIGINT NOT NULL, symbol {id}, side {id}, status {id}, order_type TEXT, time_in_force
        TEXT, quantity {exact}, filled_quantity {exact}, leaves_quantity {exact}, price {exact}, stop_price {exact}, average_price
        {exact}, last_quantity {exact}, last_price {exact}, requested_quantity {exact}, requested_price {exact}, requested_stop_price
        {exact}, venue TEXT, strategy TEXT, user_name TEXT, reason TEXT, PRIMARY KEY (account, order_id)
    )""",
    """CREATE TABLE positions_daily (
        account {id} NOT NULL, symbol {id} NOT NULL, day DATE NOT NULL, version BIGINT NOT NULL, quantity {exact}, average_price {exact},
        realized_pnl {exact}, fees {exact}, cost_basis {exact}, currency TEXT, costing TEXT, lots {any}, reason TEXT, event_id {id} NOT
        NULL, event_type {id} NOT NULL, correlation_id TEXT NOT NULL, source TEXT NOT NULL, time_ns BIGINT NOT NULL, bus_log INTEGER NOT
        NULL, bus_partition INTEGER NOT NULL, bus_offset BIGINT NOT NULL, PRIMARY KEY (account, symbol, day)
    )""",
)

INDEXES = (
    "CREATE INDEX alerts_by_account ON alerts (account, time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX alerts_by_alert ON alerts (alert_id)",
    "CREATE INDEX alerts_by_symbol ON alerts (symbol, time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX alerts_by_time ON alerts (time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX audit_by_subject ON audit (subject, time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX audit_by_time ON audit (time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX executions_by_account ON executions (account, time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX executions_by_execution ON executions (account, execution_id)",
    "CREATE INDEX executions_by_order ON executions (account, order_id)",
    "CREATE INDEX executions_by_reference ON executions (account, reference_execution_id)",
    "CREATE INDEX executions_by_symbol ON executions (symbol, time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX executions_by_time ON executions (time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX limit_changes_by_account ON limit_changes (account, time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX limit_changes_by_limit ON limit_changes (limit_id, time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX limit_changes_by_time ON limit_changes (time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX order_updates_by_account ON order_updates (account, time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX order_updates_by_order ON order_updates (account, order_id, version)",
    "CREATE INDEX order_updates_by_symbol ON order_updates (symbol, time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX order_updates_by_time ON order_updates (time_ns, bus_log, bus_partition, bus_offset)",
    "CREATE INDEX orders_by_account ON orders (account, created_ns, order_id)",
    "CREATE INDEX orders_by_id ON orders (order_id)",
    "CREATE INDEX orders_by_status ON orders (status, created_ns, account, order_id)",
    "CREATE INDEX orders_by_symbol ON orders (symbol, created_ns, account, order_id)",
    "CREATE INDEX orders_by_time ON orders (created_ns, account, order_id)",
    "CREATE INDEX positions_daily_by_day ON positions_daily (day, account, symbol)",
    "CREATE INDEX positions_daily_by_symbol ON positions_daily (symbol, day, account)",
)

FILLS = """
CREATE VIEW fills AS
SELECT fill.account, fill.symbol, fill.time_ns, fill.side,
    coalesce((SELECT later.quantity {last_correction}), fill.quantity) AS quantity,
    coalesce((SELECT later.price {last_correction}), fill.price) AS price,
    coalesce((SELECT later.fee {last_correction}), fill.fee) AS fee,
    fill.fee_currency, fill.venue, fill.order_id, fill.execution_id,
    coalesce((SELECT 'busted' {last_bust}), (SELECT 'corrected' {last_correction}), 'live') AS state,
    fill.event_id, fill.correlation_id, fill.bus_log, fill.bus_partition, fill.bus_offset
FROM executions AS fill
WHERE fill.exec_type = 'fill' AND NOT EXISTS (
    SELECT 1 FROM executions AS earlier
    WHERE earlier.account = fill.account AND earlier.execution_id = fill.execution_id AND earlier.exec_type = 'fill'
    AND earlier.symbol = fill.symbol AND coalesce(earlier.venue, '') = coalesce(fill.venue, '')
    AND (earlier.bus_log, earlier.bus_partition, earlier.bus_offset) < (fill.bus_log, fill.bus_partition, fill.bus_offset)
)
"""
"""What is looked up for a fill is a column, so that only the rows of a page ask for it."""

LAST = """FROM executions AS later
        WHERE later.account = fill.account AND later.reference_execution_id = fill.execution_id AND later.exec_type = '{exec_type}'
        AND later.symbol = fill.symbol AND (later.venue IS NULL OR later.venue = fill.venue)
        ORDER BY later.bus_log DESC, later.bus_partition DESC, later.bus_offset DESC LIMIT 1"""
"""What a venue said last of a fill."""

TIMES = {
    "postgresql": """to_char(to_timestamp({column} / 1000000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    || '.' || lpad(({column} % 1000000000)::text, 9, '0') || 'Z'""",
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%S', {column} / 1000000000, 'unixepoch') || printf('.%09dZ', {column} % 1000000000)",
}
"""RFC 3339 with nanoseconds."""

READABLE = ("order_updates", "executions", "fills", "positions_daily", "alerts", "audit", "limit_changes")


def upgrade() -> None:
    """Make all."""
    dialect = op.get_bind().dialect.name
    time = TIMES[dialect]
    corrections = {"last_correction": LAST.format(exec_type="correct"), "last_bust": LAST.format(exec_type="bust")}
    created = f"{time.format(column='created_ns')} AS created"
    _run(
        *(table.format(**TYPES[dialect]) for table in TABLES),
        *INDEXES,
        FILLS.format(**corrections),
        *(f"CREATE VIEW readable_{name} AS SELECT {time.format(column='time_ns')} AS time, {name}.* FROM {name}" for name in READABLE),
        f"CREATE VIEW readable_orders AS SELECT {created}, {time.format(column='time_ns')} AS time, orders.* FROM orders",
    )


def _run(*statements: str) -> None:
    for statement in statements:
        op.get_bind().exec_driver_sql(statement.replace("%", "%%") if op.get_bind().dialect.name == "postgresql" else statement)
