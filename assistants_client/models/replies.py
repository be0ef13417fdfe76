"""The answer of an assistant to one question."""

from __future__ import annotations

from attrs import define

from assistants_client.models._base import html_of, short_repr
from assistants_client.models.messages import Annotation, Message
from assistants_client.models.runs import Run


@define(repr=False)
class Reply:
    """The answer to one question: its run, and the messages the run wrote, oldest first."""

    run: Run
    messages: list[Message]

    @property
    def text(self) -> str:
        """The text of all messages, separated by blank lines."""
        return "\n\n".join(message.text for message in self.messages if message.text)

    @property
    def refusal(self) -> str:
        """The words of a model that refused to answer; empty where it did not."""
        return "\n\n".join(message.refusal for message in self.messages if message.refusal)

    @property
    def citations(self) -> list[Annotation]:
        """The annotations of all messages, in order."""
        return [annotation for message in self.messages for annotation in message.citations]

    def __repr__(self) -> str:
        refusal = {"refusal": self.refusal} if self.refusal else {}
        return short_repr(self, {"text": self.text, **refusal, "run": self.run})

    def _repr_html_(self) -> str:
        """Returns the HTML that a notebook shows."""
        return html_of(self)
