"""A person's laptop, for every test here, and commands at home on it."""

from tests.cli.conftest import at_home
from tests.client.laptop import ca, company, home, joined, other, other_ca, said, settings, sign_in

__all__ = ["at_home", "ca", "company", "home", "joined", "other", "other_ca", "said", "settings", "sign_in"]
