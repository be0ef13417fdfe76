"""The README's Django views in a project whose users log in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: A project of one app. What its users see is printed.
PROJECT = """
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "talk"
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.db"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="of this test",
)
django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.test import Client as Browser
from django.urls import path
from talk import models, views

urlpatterns = [
    path("", lambda request: HttpResponse(get_token(request))),
    path("ask", views.ask_as_user),
]

def ask(browser, question, **headers):
    return browser.post("/ask", question, content_type="text/plain", headers=headers)

if __name__ == "__main__":
    call_command("migrate", run_syncdb=True, verbosity=0)
    stranger = Browser()
    print(ask(stranger, "2 * 3").status_code)
    for name in ("ann", "ben"):
        user = User.objects.create_user(name)
        browser = Browser(enforce_csrf_checks=True)
        browser.force_login(user)
        print(ask(browser, "2 * 3").status_code)
        token = browser.get("/").content.decode()
        for question in ("2 * 3", "4 * 5"):
            print(ask(browser, question, **{"X-CSRFToken": token}).getvalue().decode())
    own = [conversation.thread_id for conversation in models.Conversation.objects.all()]
    print(len(set(own)), [len(list(views.client.messages.list(thread))) for thread in own])
    views.client.close()
"""


def blocks_of_the_readme(*marks: str) -> list[str]:
    """The indented blocks that have these words, in the order of the words."""
    readme = (ROOT / "README.rst").read_text("utf-8")
    blocks = re.findall(r"(?<=\n\n)(?: {4}.*\n|\n)+", readme)
    return [textwrap.dedent(next(one for one in blocks if mark in one)) for mark in marks]


def test_each_user_has_a_conversation_of_their_own(tmp_path: Path) -> None:
    """Strangers are sent to the login, a POST without its token is refused, nothing is mixed."""
    pytest.importorskip("django", reason="django is not installed")
    model, view, ask_as_user = blocks_of_the_readme(
        "class Conversation", "def ask_in_django", "def ask_as_user"
    )
    app = tmp_path / "talk"
    app.mkdir()
    (app / "__init__.py").touch()
    (app / "models.py").write_text(model, "utf-8")
    above = "import os\n\nfrom assistants_client import Client\n\nclient = Client()\n"
    view = view.replace("assistant.id", 'os.environ["ASSISTANT_ID"]')
    (app / "views.py").write_text(above + view + ask_as_user, "utf-8")
    (tmp_path / "project.py").write_text(PROJECT, "utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    environment = {**kept, "PYTHONPATH": str(ROOT)}
    create = ["-m", "assistants_client", "create", "--name", "Tutor"]

    def run(*arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**environment, **variables},
            stdout=subprocess.PIPE,
            text=True,
            timeout=100,
            check=True,
        )
        return done.stdout

    printed = run("project.py", ASSISTANT_ID=run(*create).strip())

    stranger, *users, conversations = printed.splitlines()
    assert stranger == "302"
    assert [re.sub(r"^\d \* \d = (\d+)\..*", r"\1", line) for line in users] == 2 * [
        "403",
        "6",
        "20",
    ]
    assert conversations == "2 [4, 4]"
