"""Rules and transactions, one file per noun: request objects in, models out, ``Fault`` raised."""
