"""Stands in for a browser and the person before it: `python -m daypass.demo.browser URL`.

Whose turn it is comes in DEMO_PERSON; in the demo the password is the name.
"""

from __future__ import annotations

import os
import sys

from daypass.demo.person import sign_in
from daypass.errors import DaypassError


def main() -> int:
    person = os.environ.get("DEMO_PERSON", "alice")
    try:
        sign_in(sys.argv[1], person, person)
    except DaypassError as error:
        sys.stderr.write(f"browser: {error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
