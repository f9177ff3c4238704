"""What others push to the CA: directories (SCIM), logouts, shared signals."""
