"""From what readers find to rows of an engine's database, as the engine would have written them.

Everything is spooled first; then each thread is decided on as a whole and written in one
transaction. A ledger in the database knows what was written, so that the same import again changes
nothing.
"""
