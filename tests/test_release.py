"""What keeps a release."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("release", ROOT / "release.py")
assert spec and spec.loader
release = importlib.util.module_from_spec(spec)
spec.loader.exec_module(release)

GOOD = "# Changelog\n\n## [0.2.0] - 2026-02-01\n\n### Added\n\n- Ears.\n\n## [0.1.0] - 2026-01-01\n\n- A face.\n"


def git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false", "-c", "core.hooksPath="]
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository that may be released."""
    (tmp_path / "a2f_addon").mkdir()
    (tmp_path / "a2f_addon" / "job.py").write_text("x = 1\n")
    (tmp_path / "blender_manifest.toml").write_text('version = "0.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(GOOD)
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Say why")


def test_a_tree_with_all_in_order_is_released(tree: Path) -> None:
    assert release.problems(tree) == []


def test_a_tree_that_is_not_clean_is_refused(tree: Path) -> None:
    (tree / "new.py").write_text("")
    assert "not clean: new.py" in release.problems(tree)[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("[0.2.0]", "[0.3.0]"), "manifest says 0.2.0"),
        (("2026-02-01", "unreleased"), "'unreleased' in place of its day"),
        (("- Ears.", ""), "lists nothing"),
        (("## [", "## "), "no section"),
    ],
)
def test_a_changelog_that_does_not_fit_is_refused(tree: Path, change: tuple[str, str], why: str) -> None:
    (tree / "CHANGELOG.md").write_text(GOOD.replace(*change))
    commit(tree)
    (found,) = release.problems(tree)
    assert why in found


def test_a_change_that_the_changelog_does_not_know_is_refused(tree: Path) -> None:
    (tree / "a2f_addon" / "job.py").write_text("x = 2\n")
    commit(tree)
    (found,) = release.problems(tree)
    assert "older than 1 of the add-on's changes" in found


def test_a_version_that_is_out_or_tagged_otherwise_is_refused(tree: Path) -> None:
    git(tree, "tag", "v0.2.0")
    assert release.problems(tree) == []
    (tree / "README.md").write_text("more")
    commit(tree)
    assert "is out already" in release.problems(tree)[0]
    git(tree, "tag", "v0.9.9")
    assert "tagged v0.9.9" in release.problems(tree)[0]


def test_the_projects_own_changelog_is_in_the_form_that_a_release_reads() -> None:
    assert release.SECTION.search((ROOT / "CHANGELOG.md").read_text("utf-8"))
