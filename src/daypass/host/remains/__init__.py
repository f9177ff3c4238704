"""What gone persons have left in the accounts that they used here: found, taken out, put back (trust 6.6, 6.7)."""
