"""The services that no route calls: a worker's view of runs, files and tools."""
