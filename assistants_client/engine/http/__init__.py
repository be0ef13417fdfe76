"""The protocol over WSGI: routes, requests and responses, and the adapter that needs no socket."""
