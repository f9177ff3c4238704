"""`daypass doctor`: everything that has to hold for plain ssh to work, and what to do where it does not."""
