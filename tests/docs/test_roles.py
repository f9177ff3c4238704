"""docs/guide/roles.md shows roles that are good, and says of the bad ones what check-config says of them."""

from __future__ import annotations

from tests.config.sample import GOOD
from tests.docs.pages import ROOT, blocks

from daypass.config import errors_in, problems

BLOCKS = list(blocks(ROOT / "docs/guide/roles.md"))
HEAD = GOOD[: GOOD.index("[[roles]]")]
TOML = [block.text for block in BLOCKS if block.language == "toml"]
SAID = next(block.text for block in BLOCKS if block.language == "text")


def test_all_examples_together_make_a_good_file() -> None:
    good = [text for text in TOML[:-1] if not text.startswith("include")]
    assert len(good) == 5
    assert list(map(str, problems(HEAD + "\n".join(good)))) == []


def test_what_is_said_of_the_bad_ones_is_what_check_config_says() -> None:
    assert [str(each) for each in errors_in(problems(HEAD + TOML[-1]))] == SAID.splitlines()
