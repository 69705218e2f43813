//! The encrypted SQLite store: schema, migrations, one transaction type, search.
