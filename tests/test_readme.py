"""The README and the pages of docs/ say what the program does."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from a2f_addon.job import Motion
from a2f_addon.settings import options

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
READ = {page: page.read_text("utf-8") for page in PAGES}


def test_the_page_of_settings_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("docs_settings", ROOT / "docs" / "settings.py")
    assert spec and spec.loader
    settings = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(settings)
    assert settings.page() == (ROOT / "docs" / "settings.md").read_text("utf-8"), "run: python docs/settings.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_heading_that_a_page_leads_to_is_there(page: Path) -> None:
    for place in re.findall(r"\]\(([^)\s]+)\)", READ[page]):
        if not place.startswith("http"):
            assert (page.parent / place.partition("#")[0]).exists(), place
    for place in re.findall(r"`((?:requirements|training|a2f_addon|tests|wheels|benchmarks|docs)/[\w./-]+)`", READ[page]):
        assert "NAME" in place or (ROOT / place).exists(), place


def said() -> str:
    """Every text in the add-on's code, where something is filled in a mark."""
    texts = []
    for path in (ROOT / "a2f_addon").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                texts.append("".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values))
    return "\n".join(texts)


def quoted() -> list[str]:
    """The messages that the artist's page quotes."""
    _, _, trouble = READ[ROOT / "docs" / "artist.md"].partition("## When something is wrong")
    return re.findall(r'"([^"]+)"', trouble)


def test_every_message_that_the_artists_page_quotes_is_one_that_the_program_says() -> None:
    texts = said()
    assert len(quoted()) >= 15
    assert not [message for message in quoted() if message not in texts]


def commands(page: Path) -> list[str]:
    """The calls of the command line that a page shows."""
    fences = re.findall(r"```sh\n(.*?)```", READ[page], re.DOTALL)
    found = [line.partition("#")[0].strip() for fence in fences for line in fence.splitlines()]
    return [line for line in found if re.match(r"(A2F|python -m a2f_addon|blender --command a2f) ", line)]


@pytest.mark.parametrize("line", sorted({line for page in PAGES for line in commands(page)}))
def test_every_option_that_a_page_shows_is_one_of_the_command_line(line: str, helped: dict[str, str]) -> None:
    words = shlex.split(re.sub(r"^(A2F|python -m a2f_addon|blender --command a2f) ", "", line))
    for word in words:
        if word.startswith("--"):
            assert re.search(rf"{word}\b", helped[words[0]]), word


@pytest.fixture(scope="module")
def helped() -> dict[str, str]:
    def asked(*words: str) -> str:
        done = subprocess.run([sys.executable, "-m", "a2f_addon", *words, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout

    return {"bake": asked("bake"), "style": asked("style") + asked("style", "measure") + asked("style", "blend")}


def test_every_setting_that_the_directors_page_names_is_one() -> None:
    known = {item.name for item in options(Motion)}
    named = re.findall(r"`((?:articulation|eyes|closure|smoothing|head|brows)_\w+)`", READ[ROOT / "docs" / "director.md"])
    assert named and set(named) <= known
