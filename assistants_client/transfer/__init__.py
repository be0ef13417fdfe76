"""The way in and the way out: archives of what a server stores, and their import into an engine.

``assistants export`` and ``assistants import`` call these functions; so can a program or a notebook.
"""
