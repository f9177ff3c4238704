"""The README's figures are what was measured; that the table is up to date is seen by tests/test_reference.py."""

from __future__ import annotations

from tests.docs import figures
from tests.docs.pages import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def test_the_table_stands_between_its_marks() -> None:
    assert README.count("<!-- bench -->\n") == README.count("<!-- /bench -->") == 1
    assert figures.table() in README


def test_every_figure_was_measured_by_the_bench() -> None:
    """A name that the bench does not know would stay empty for ever."""
    code = "".join(path.read_text("utf-8") for path in (ROOT / "bench").glob("*.py"))
    for figure in figures.FIGURES:
        stem = figure.name.removesuffix("_32")
        assert f'"{figure.name}"' in code or f'"{stem}_{{' in code or f'"{stem}{{' in code, figure.name
