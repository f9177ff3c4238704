"""OpenSSH's client: what it is told, the sign-in it starts, and what it says when it does not work."""
