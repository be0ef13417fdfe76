"""The engine for other WSGI servers, configured by the environment; nothing else belongs here.

``gunicorn --threads 32 assistants_client.engine.wsgi:application``, for example. The variables are
those of ``Engine.from_environment``, and ``ASSISTANTS_TOKEN`` for the token that requests must
have. Where ``ASSISTANTS_LOG_FORMAT`` or ``ASSISTANTS_LOG_LEVEL`` is set, this package's log goes to
the standard error that way. Nothing is opened before the first request, so servers may import it
and fork.
"""

from __future__ import annotations

import logging
import os
from typing import Final

from assistants_client.engine.engine import Engine
from assistants_client.engine.observability.log_output import log_is_chosen, set_up_log

if log_is_chosen():
    set_up_log(logging.getLogger("assistants_client"))

application: Final = Engine.from_environment(token=os.environ.get("ASSISTANTS_TOKEN") or None)
