"""The program that reads one file: it runs in a process of its own, apart from the engine.

An untrusted file can take no more than that process's time, memory and output. Nothing
here imports anything of the package outside of this folder, so that a start costs little.
"""
