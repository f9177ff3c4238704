"""What the pages point at exists, and what the code points at stands in the pages."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from tests.docs.pages import PAGES, ROOT, anchors, links, paths_named

TRUST = ROOT / "docs/concepts/trust.md"
_CITATION = re.compile(r"\btrust((?:[ ,]+(?:and )?[1-8]\.\d+)+)")
_LOCAL = re.compile(r"(?<![\w.])/(?:work|home)/|/root/\.")
_DRAWN = "─│┌┐└┘├┤┬┴┼►◄▲▼●✓"  # what our own output and pictures are made of


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, fragment = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), f"{name(page)} links to {link}"
        assert not fragment or fragment in anchors(found), f"{name(page)} links to {link}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "adr"], ids=name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    """A decision is not rewritten when the house moves, so those may name what was."""
    missing = [path for path in paths_named(page) if not (ROOT / path).exists()]
    assert not missing, f"{name(page)} names {missing}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_has_no_emoji_and_no_path_of_one_machine(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not _LOCAL.search(text)
    assert not [each for each in text if unicodedata.category(each) == "So" and each not in _DRAWN]


def test_every_rule_of_the_trust_model_says_how_far_it_stands() -> None:
    rules = _rules()
    assert len(rules) == len(set(rules)) == 53
    for number, text in rules.items():
        mark = re.search(r"\*(Built|Partly|To come)\b(?P<where>.*?)\*$", text, re.DOTALL)
        assert mark, f"rule {number} has no mark"
        assert mark[1] == "To come" or "`src/daypass/" in mark["where"], f"rule {number} names no code"


def test_every_citation_in_the_code_is_a_rule_of_the_trust_model() -> None:
    rules = _rules()
    cited: dict[str, str] = {}
    for folder in ("src", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            for match in _CITATION.finditer(path.read_text("utf-8")):
                cited |= dict.fromkeys(re.findall(r"[1-8]\.\d+", match[1]), name(path))
    assert cited
    assert not {number: path for number, path in cited.items() if number not in rules}


def test_no_rule_that_the_code_cites_in_src_is_said_to_be_still_to_come() -> None:
    rules = _rules()
    cited = {
        number
        for path in (ROOT / "src").rglob("*.py")
        for match in _CITATION.finditer(path.read_text("utf-8"))
        for number in re.findall(r"[1-8]\.\d+", match[1])
    }
    assert not {number for number in cited if "*To come." in rules[number]}


def test_the_map_of_the_house_has_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rooms = {
        path for path in (ROOT / "src/daypass").iterdir() if path.name[0] not in "_." and path.name != "py.typed"
    }
    assert not {path.name for path in rooms if not re.search(rf"(^|\s){re.escape(path.name)}", text)}


def _rules() -> dict[str, str]:
    parts = re.split(r"^\*\*(\d\.\d+)\*\* ", TRUST.read_text("utf-8").partition("\n## ")[2], flags=re.MULTILINE)
    texts = [re.split(r"^## ", text, flags=re.MULTILINE)[0].strip() for text in parts[2::2]]
    return dict(zip(parts[1::2], texts, strict=True))
