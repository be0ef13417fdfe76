"""The same engine reached in three ways: by the default, by an argument, and over a socket."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from contract_serving import served
from databases import fresh

from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.language_models import LanguageModel

WAYS = ["by default", "by argument", "over a socket"]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How the engine is reached."""
    way: str = request.param
    return way


@pytest.fixture
def connect(
    way: str, clean_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[], Client]]:
    """Opens a client in one of the ways; every call begins anew, on the same database."""
    url = fresh(f"sqlite:///{tmp_path / 'contract.db'}")
    with ExitStack() as stack:

        def start() -> Client:
            if way == "by default":
                monkeypatch.setenv("ASSISTANTS_DATABASE_URL", url)
                return stack.enter_context(Client())
            engine = stack.enter_context(Engine(url))
            if way == "by argument":
                return stack.enter_context(Client(engine=engine))
            base_url = stack.enter_context(served(engine))
            return stack.enter_context(Client(base_url, api_key="k"))

        yield start


@pytest.fixture
def with_model(
    clean_environment: None, tmp_path: Path
) -> Iterator[Callable[[LanguageModel], Client]]:
    """A client of an engine over a model of the test's, over a socket."""
    with ExitStack() as stack:

        def start(model: LanguageModel) -> Client:
            engine = stack.enter_context(
                Engine(fresh(f"sqlite:///{tmp_path / 'model.db'}"), model=model)
            )
            return stack.enter_context(Client(stack.enter_context(served(engine)), api_key="k"))

        yield start


@pytest.fixture
def scripted(with_model: Callable[[LanguageModel], Client]) -> Callable[..., Client]:
    """A client of an engine over scripted answers, over a socket."""
    return lambda *answers: with_model(Scripted(answers))
