"""A server's side: enrolment, and what sshd needs for certificates to work. See `enrol` for the way it goes."""
