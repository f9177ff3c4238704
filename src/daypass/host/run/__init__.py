"""`daypass host run`: a host that is told what is new, and renews by itself.

agent     the loop: listen, take what comes, renew when it is due
link      HTTP to the CA, by Python's own http.client: this process lives for months on 40 MB
pace      when to try again, so that ten thousand hosts do not come back at once
voice     the journal: louder the longer something is wrong, and never the same line every minute
systemd   sd_notify(3), and a stop that never comes between two writes
"""
