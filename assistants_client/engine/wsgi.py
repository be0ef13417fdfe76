"""The engine for other WSGI servers, configured by the environment; nothing else belongs here.

``gunicorn --threads 32 assistants_client.engine.wsgi:application``, for example. The variables are
those of ``Engine.from_environment``, and ``ASSISTANTS_TOKEN`` for the token that requests must
have. Nothing is opened before the first request, so servers may import it and fork.
"""

from __future__ import annotations

import os
from typing import Final

from assistants_client.engine.engine import Engine

application: Final = Engine.from_environment(token=os.environ.get("ASSISTANTS_TOKEN") or None)
