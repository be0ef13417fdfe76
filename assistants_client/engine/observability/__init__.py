"""The watching of a service: ids in the log, metrics, traces, readiness."""
