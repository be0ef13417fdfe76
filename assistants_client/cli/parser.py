"""The command line's parser: suggestions for unknown words, values, and options by variables."""

from __future__ import annotations

import argparse
import difflib
import math
import os
import re
from collections.abc import Iterable
from typing import Final, NoReturn

from assistants_client.errors import ConfigurationError

_MAX_PORT: Final = 65535
_CHOICE = re.compile(r"invalid choice: '([^']*)'")


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` whose errors suggest commands; options may not be shortened."""

    def __init__(self, *args: object, **options: object) -> None:
        options.setdefault("allow_abbrev", False)
        super().__init__(*args, **options)  # type: ignore[arg-type]  # as they were given

    def error(self, message: str) -> NoReturn:
        """Ends the program with the message, and a suggestion for a wrong command."""
        wrong = _CHOICE.search(message)
        choices = [name for action in self._actions for name in action.choices or ()]
        super().error(message + did_you_mean(wrong[1] if wrong else "", choices))

    def unknown(self, words: Iterable[str]) -> NoReturn:
        """Ends the program with the arguments that it does not know, and suggestions."""
        given = list(words)
        options = [name for name in self._option_string_actions if name.startswith("--")]
        meant = [did_you_mean(word.partition("=")[0], options) for word in given]
        super().error(f"unrecognized arguments: {' '.join(given)}{next(filter(None, meant), '')}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns the end of a message: the known word that is nearest; empty if none is near."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def port(text: str) -> int:
    """Returns the number of a port; 0 takes a free one."""
    if not (text.isascii() and text.isdigit() and int(text) <= _MAX_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to {_MAX_PORT}")
    return int(text)


def address(text: str) -> str:
    """Returns host and port, with a colon between them; without a host it is this machine's own."""
    host, colon, number = text.rpartition(":")
    return f"{host if colon else '127.0.0.1'}:{port(number)}"


def seconds(text: str) -> float:
    """Returns a number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 on")
    return value


def whole_number(text: str) -> int:
    """Returns a number of workers, runs or connections."""
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def database(text: str) -> str:
    """Returns the URL of a database, or of an SQLite file."""
    return text if ":/" in text else f"sqlite:///{text}"


def token(text: str) -> str:
    """Returns a bearer token."""
    if not (text.isascii() and text.isprintable() and text) or " " in text:
        raise argparse.ArgumentTypeError("it must be printable ASCII without spaces, and not empty")
    return text


def take_variables(options: argparse.Namespace) -> dict[str, str]:
    """Fills the options that were not given from their variables; the option takes precedence.

    Returns:
        For each variable, what gave the value: the option, or the variable itself.

    Raises:
        ConfigurationError: A variable cannot be read.
    """
    sources = {}
    for dest, (option, variable, default, convert) in options.variables.items():
        text = os.environ.get(variable)
        sources[variable] = f"${variable}"
        if getattr(options, dest) is not None:
            other = f"given, so {variable} is not used" if text else variable
            sources[variable] = f"{option} ({other})"
            continue
        text = text or default
        try:
            setattr(options, dest, None if text is None else convert(text))
        except argparse.ArgumentTypeError as error:
            raise ConfigurationError(f"${variable}: {error}") from None
    if getattr(options, "model_map", None):
        sources["ASSISTANTS_MODEL_MAP"] = "--model-map (ASSISTANTS_MODEL_MAP)"
    return sources
