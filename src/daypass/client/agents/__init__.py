"""ssh-agents: told apart, put to the test, talked to, and our own (trust 8.3)."""
