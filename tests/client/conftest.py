"""A person's laptop, for every test here."""

from tests.client.laptop import ca, company, home, joined, said, settings, sign_in

__all__ = ["ca", "company", "home", "joined", "said", "settings", "sign_in"]
