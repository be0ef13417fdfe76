"""The language models that runs can name: those of the configuration, and those in use.

A server of models may know others as well: it is not asked.
"""

from __future__ import annotations

import json
from typing import Final

from attrs import frozen
from sqlalchemy import Text, cast, select

from assistants_client.engine.faults import Fault
from assistants_client.engine.services._base import Context
from assistants_client.engine.storage.tables import assistants
from assistants_client.models._base import JsonObject

#: The newest assistants whose models are listed.
_MOST_ASSISTANTS: Final = 200


@frozen
class Models:
    """The operations on models. They are no objects that are stored."""

    _context: Context

    def list(self) -> JsonObject:
        """Returns all models: those of the configuration, then those of the newest assistants."""
        return {"object": "list", "data": [_model(name) for name in self._names()]}

    def retrieve(self, model_id: str) -> JsonObject:
        """Returns a model.

        Raises:
            Fault: It is in no list.
        """
        if model_id not in self._names():
            message = f"The model '{model_id:.80}' does not exist or you do not have access to it."
            raise Fault(404, message, "model_not_found", "model")
        return _model(model_id)

    def _names(self) -> dict[str, None]:
        query = select(cast(assistants.c.body, Text)).order_by(assistants.c.seq.desc())
        if self._context.only_tenant is not None:
            query = query.where(assistants.c.tenant == self._context.only_tenant)
        with self._context.database.read() as connection:
            bodies = connection.execute(query.limit(_MOST_ASSISTANTS)).scalars().all()
        used = sorted({str(json.loads(body)["model"]) for body in bodies})
        return dict.fromkeys([*self._context.model_names, *used])


def _model(name: str) -> JsonObject:
    # Nobody knows when a model of another server was made: OpenAI's clients want a number.
    return {"id": name, "object": "model", "created": 0, "owned_by": "assistants-client"}
