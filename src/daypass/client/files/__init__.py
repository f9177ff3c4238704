"""Keys and certificates in files, where there is to be no agent."""
