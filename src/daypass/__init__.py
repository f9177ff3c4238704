"""daypass: an SSH certificate authority with single sign-on."""

__version__ = "0.1.0"
