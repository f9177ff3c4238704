"""Ways out for events: one file each, all of them `daypass.ca.event_ports.Sink`.

webhook    POST by Standard Webhooks 1.0, signed by HMAC-SHA256
syslog     RFC 5424 over a Unix socket, UDP, TCP or TLS
lines      JSON lines in a file, or on standard output
sizes      an event that is too large for its way, made smaller
"""
