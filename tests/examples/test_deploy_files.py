"""The files of ``examples/deploy`` that other programs read: Compose, Dockerfile, units of systemd.

Each is checked by its own program where that is installed. The servers they start are run in
tests/web.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from assistants_client.cli.command_line import main

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "deploy"
UNITS = sorted(path.name for path in FOLDER.glob("assistants-*"))
VARIABLES = {
    "POSTGRES_PASSWORD": "secret",
    "ASSISTANTS_TOKEN": "token",
    "ASSISTANTS_MODEL_URL": "http://localhost:11434/v1",
}


@pytest.fixture
def compose() -> dict[str, Any]:
    """The Compose file."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    document: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
    return document


def dockerfile() -> dict[str, list[str]]:
    """The instructions of the Dockerfile."""
    found: dict[str, list[str]] = {}
    for name, rest in re.findall(r"^([A-Z]+) (.+)$", (FOLDER / "Dockerfile").read_text(), re.M):
        found.setdefault(name, []).append(rest)
    return found


def unit(name: str) -> ConfigParser:
    """A unit of systemd."""
    found = ConfigParser(interpolation=None)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read(FOLDER / name, "utf-8")
    return found


def check_options(arguments: list[str]) -> None:
    """Fails where ``assistants`` does not know a command or an option."""
    said = io.StringIO()
    quiet = contextlib.redirect_stderr(said), contextlib.redirect_stdout(said)
    with quiet[0], quiet[1], pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0, said.getvalue()
    for word in arguments[1:]:
        assert not word.startswith("--") or f" {word}" in said.getvalue(), word


def check_variables(names: list[str]) -> None:
    """Fails where a variable is named that nothing reads."""
    sources = [path.read_text("utf-8") for path in (ROOT / "assistants_client").rglob("*.py")]
    unknown = [name for name in names if not any(f'"{name}"' in source for source in sources)]
    assert unknown == []


def test_services_are_started_with_commands_that_there_are(compose: dict[str, Any]) -> None:
    """Web tier, worker and housekeeping are one image; the command is what tells them apart."""
    ours = {name: one for name, one in compose["services"].items() if one["image"] == "assistants"}
    assert {name: one["command"][0] for name, one in ours.items()} == {
        "web": "serve",
        "worker": "worker",
        "prune": "prune",
    }
    for one in ours.values():
        check_options(one["command"])
        check_variables([name for name in one["environment"] if name.startswith("ASSISTANTS_")])
        assert (FOLDER / one["build"]["context"]).resolve() == ROOT
        assert (ROOT / one["build"]["dockerfile"]) == FOLDER / "Dockerfile"


def test_services_wait_for_what_they_need(compose: dict[str, Any]) -> None:
    """What is waited for says when it is ready; volumes are declared."""
    services = compose["services"]
    for one in services.values():
        for needed in one.get("depends_on", {}):
            assert services[needed]["healthcheck"]["test"]
        for volume in one.get("volumes", ()):
            assert volume.partition(":")[0] in compose["volumes"]
    url = services["web"]["environment"]["ASSISTANTS_DATABASE_URL"]
    assert re.search(r"@database/assistants$", url)
    assert services["database"]["environment"]["POSTGRES_DB"] == "assistants"
    [program] = [one for one in services["web"]["healthcheck"]["test"] if "urlopen" in one]
    compile(program, "healthcheck", "exec")


def test_only_this_machine_reaches_them(compose: dict[str, Any]) -> None:
    """A proxy adds TLS; database and broker are reached by the services alone."""
    ports = {name: one.get("ports") for name, one in compose["services"].items()}
    assert ports.pop("web") == ["127.0.0.1:8000:8000"]
    assert set(ports.values()) == {None}


def test_docker_takes_the_compose_file() -> None:
    """Its own check; and without the secrets it says which is missing."""
    command = ["docker", "compose", "--file", str(FOLDER / "compose.yaml"), "config", "--quiet"]
    if (
        shutil.which("docker") is None
        or subprocess.run(
            ["docker", "compose", "version"], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("docker with its compose plugin is not installed")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        command, env=kept | VARIABLES, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    missing = subprocess.run(command, env=kept, capture_output=True, text=True, check=False)
    assert missing.returncode != 0
    assert "is not set" in missing.stderr


def test_the_image_has_what_it_copies_and_installs() -> None:
    """Paths of the checkout, extras of the package, and its command."""
    lines = dockerfile()
    for line in lines["COPY"]:
        assert [name for name in line.split()[:-1] if not (ROOT / name).exists()] == []
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg", "utf-8")
    [extras] = re.findall(r"/source\[([\w,]+)\]", lines["RUN"][0])
    assert set(extras.split(",")) <= set(settings["options.extras_require"])
    assert lines["ENTRYPOINT"] == ['["assistants"]']
    check_options(re.findall(r'"(.*?)"', lines["CMD"][0]))
    assert lines["USER"] == ["assistants"]


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_a_unit_starts_a_command_that_there_is(name: str) -> None:
    """Of ours, whose options exist; or gunicorn, as in the README."""
    service = unit(name)["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    if program.endswith("/gunicorn"):
        readme = (FOLDER / "README.rst").read_text("utf-8")
        assert f"    gunicorn {shlex.join(arguments)}\n" in readme
    else:
        assert Path(program).name == "assistants"
        check_options(arguments)
    check_variables(re.findall(r"ASSISTANTS_\w+", (FOLDER / name).read_text("utf-8")))
    assert service["EnvironmentFile"] == "/etc/assistants.env"
    assert service["User"] == "assistants"


def test_the_timer_starts_its_service() -> None:
    """By its name, which is that of the timer."""
    assert unit("assistants-prune.timer")["Timer"]["OnCalendar"] == "daily"
    assert "assistants-prune.service" in UNITS
    assert "Install" not in unit("assistants-prune.service")


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """Its own check, with programs in the place of those that are not installed here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("assistants", "gunicorn"):
        (programs / name).symlink_to("/bin/true")
    for name in UNITS:
        text = (FOLDER / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace("/srv/assistants/venv/bin", str(programs)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "assistants" in line]
    assert (done.returncode, said) == (0, [])


def test_the_index_names_every_file() -> None:
    """And nothing that is not there."""
    index = (FOLDER / "README.rst").read_text("utf-8")
    there = {path.name for path in FOLDER.iterdir() if path.is_file()} - {"README.rst"}
    assert set(re.findall(r"``([\w.-]+\.(?:py|yaml|service|timer)|Dockerfile)``", index)) == there


def test_programs_are_short_and_say_what_they_show() -> None:
    """As those of the folder above."""
    for path in FOLDER.glob("*.py"):
        source = path.read_text("utf-8")
        assert len(source.splitlines()) < 60
        assert re.search(r'\A"""\w+: .*^1\. .*Assumes .*?"""', source, re.DOTALL | re.MULTILINE)
