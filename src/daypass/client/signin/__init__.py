"""Signing in: in a browser here or on another device, until the CA's certificate is kept."""
