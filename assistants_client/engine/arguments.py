"""Arguments of the engine that are easily mistaken: checked before anything is made of them."""

from __future__ import annotations

from assistants_client.engine.search.embeddings import Embeddings
from assistants_client.errors import ConfigurationError


def require_token(token: object) -> None:
    """Checks the engine's own token.

    Raises:
        ConfigurationError: It is no string, or an empty one.
    """
    if token is not None and not isinstance(token, str):
        raise ConfigurationError(f"token: expected a string, got {type(token).__name__}")
    if token is not None and not token:
        raise ConfigurationError("token: an empty one protects nothing; None asks for none")


def require_models(model: object, embeddings: object) -> None:
    """Checks that models are models, and not their names.

    Raises:
        ConfigurationError: One is something else.
    """
    if model is not None and not hasattr(model, "respond"):
        raise ConfigurationError(
            "model: expected a language model such as ChatCompletions(URL), got "
            f"{type(model).__name__}; a model's name belongs into model= of that, or to the "
            "assistant"
        )
    if embeddings is not None and not isinstance(embeddings, Embeddings):
        raise ConfigurationError(
            f"embeddings: expected Embeddings(URL, model=…), got {type(embeddings).__name__}"
        )
