"""Who is on this host now, and the end of it (trust 6.3 to 6.5).

process   what the kernel says of processes, and a signal that can't hit another one
whose     which processes belong to one session, and which of them are other people's way in
memory    the sessions that are open, from the journal's trusted fields; kept over restarts of the agent
gone      whose connection came and went between two looks
due       which of them are to end, by the KRL and the bundle
ending    the end of them: a word on their terminals, sshd, the connection, then everything that was started
turn      all of it once: what an agent does at each turn, and `daypass host sync`

Where journald keeps no journal nothing is known of sessions, and none is ended: text files of syslog are anybody's.
"""

from __future__ import annotations

from daypass.host.sessions.ending import end_all
from daypass.host.sessions.memory import Open, open_sessions

__all__ = ["Open", "end_all", "open_sessions"]
