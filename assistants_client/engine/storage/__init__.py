"""The database: tables, transactions, pages, leases, and what goes wrong with it."""
