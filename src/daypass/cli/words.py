"""What completion offers, made from the commands by `make docs`: options and arguments with what they take."""

from __future__ import annotations

__all__ = ["WORDS"]

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Mapping

# command -> ({subcommand: summary}, {option: (takes, help)}, (what each argument takes,)); "" takes nothing, "value"
# something that nobody can guess.
WORDS: Mapping[str, tuple[dict[str, str], dict[str, tuple[str, str]], tuple[str, ...]]] = {
    '': (
        {
            'bootstrap': 'Join a company: pin the roots of the CA at URL.',
            'login': "Sign in and get today's certificate.",
            'status': 'Show what you hold, as whom, for how long.',
            'logout': 'Give up the certificate: agent, file and open connections.',
            'ssh-config': "Set up OpenSSH's client for your companies' hosts, once.",
            'context': 'See the companies you have joined, choose between them, leave one.',
            'doctor': 'Look at everything that has to hold for plain ssh to work, and say what to do.',
            'why': 'Say what keeps you out of HOST, or what lets you in.',
            'explain': 'Say whether you, or WHO, may log in as ACCOUNT on HOST, and why.',
            'completion': 'Print a completion script for SHELL.',
            'uninstall': 'Take everything of daypass off this account.',
            'certificate': 'Make a key pair in FILE, or take the one there is, and get a certificate for it.',
            'inspect': 'Show what a certificate or key says.',
            'fingerprint': 'Print the fingerprints of the keys in FILE, as ssh-keygen -l does.',
            'needs-renewal': 'Tell by the exit code whether the certificate in FILE needs renewal.',
            'renew': 'Renew the host certificate CERT with its private key KEY.',
            'rekey': 'Make a new key and move the host certificate CERT of KEY to it.',
            'revoke': 'Revoke the certificate SERIAL, one of your own.',
            'list': 'List what your ssh-agent holds.',
            'check-host': 'Tell whether HOST has enrolled with a company of yours.',
            'hosts': 'List the hosts that have enrolled with your companies.',
            'host': 'Enrol this server and look after its certificates.',
            'who': 'List who could log in as ACCOUNT on HOST.',
            'ca': 'Make a CA, check its configuration, run it.',
            'token': "Make one-time tokens: on the CA's machine, or as an operator by a sign-in.",
            'approvals': 'Approve what another operator has asked for, or refuse it.',
            'ledger': 'Read and verify the record of what the CA did.',
        },
        {
            '--version': ('', 'Show the version and exit'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'bootstrap': (
        {
        },
        {
            '--fingerprint': ('value', "SHA-256 of the CA's root certificate"),
            '--context': ('value', 'What to call this company; else its host name'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('value',),
    ),
    'login': (
        {
        },
        {
            '--force': ('', 'Sign in even with a valid certificate; use even a forwarded agent'),
            '--lifetime': ('value', 'For how long, such as 8h or 30m; at most what your roles give'),
            '--provider': ('value', 'Which identity provider, where the CA knows several'),
            '--confirm': ('', 'Have the agent ask before each use of the key, as ssh-add -c does'),
            '--device': ('', "Sign in on another device, at the CA's own page"),
            '--no-browser': ('', "Sign in on another device, at the CA's own page"),
            '--device-grant': ('', "The same at the identity provider's page, where the CA allows it"),
            '--notify': ('', 'Have your desktop tell you shortly before the day pass ends'),
            '--no-browser-open': ('', 'Print the address to open, and open nothing'),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'status': (
        {
        },
        {
            '--json': ('', 'One JSON object on stdout'),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'logout': (
        {
        },
        {
            '--all': ('', 'At every company you have joined'),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'ssh-config': (
        {
        },
        {
            '--remove': ('', 'Take out everything it wrote'),
            '--dry-run': ('', 'Show the difference, change nothing'),
            '--auto-login': ('', 'Whether plain ssh starts the sign-in; kept'),
            '--no-auto-login': ('', 'Whether plain ssh starts the sign-in; kept'),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'context': (
        {
            'list': 'Show the companies you have joined, and what you hold there.',
            'remove': 'Leave the company NAME: forget everything about it.',
            'use': 'Make NAME the company that commands are about.',
        },
        {
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'context list': (
        {
        },
        {
            '--json': ('', 'A JSON list on stdout'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'context remove': (
        {
        },
        {
            '--yes': ('', 'Do not ask'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('context',),
    ),
    'context use': (
        {
        },
        {
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('context',),
    ),
    'doctor': (
        {
        },
        {
            '--json': ('', 'One JSON object on stdout'),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('host',),
    ),
    'why': (
        {
        },
        {
            '--json': ('', 'One JSON object on stdout'),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('host', 'value',),
    ),
    'explain': (
        {
        },
        {
            '--with': ('value', 'Suppose group=…, amr=…, acr=…, claims.NAME=…'),
            '--from': ('value', 'Suppose they sign in at this provider'),
            '--role': ('value', 'By this role and no other'),
            '--remote': ('', "Sign in for it, even on the CA's own machine"),
            '--provider': ('value', 'Which identity provider to sign in at'),
            '--no-browser-open': ('', 'Print the address to open, and open nothing'),
            '--context': ('context', 'Which company, where you have joined several'),
            '--config': ('file', "The CA's configuration, on its own machine"),
            '--root': ('file', 'Work below DIR instead of / (tests, images)'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('value',),
    ),
    'completion': (
        {
        },
        {
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('bash|zsh|fish',),
    ),
    'uninstall': (
        {
        },
        {
            '--dry-run': ('', 'Show what would be taken away, change nothing'),
            '--yes': ('', 'Do not ask'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'certificate': (
        {
        },
        {
            '--sign': ('', 'Certify a key that is there; PUB is its public half, else FILE.pub'),
            '--host': ('', "A host's certificate, for a join token"),
            '--token-file': ('file', 'Where the join token stands; - reads it from standard input'),
            '-n': ('value', 'Only this one of what you may have'),
            '--principal': ('value', 'Only this one of what you may have'),
            '--not-before': ('value', 'Valid from then on, such as 2h from now'),
            '--not-after': ('value', 'Valid until then, such as 10h from now'),
            '--kty': ('ed25519|ecdsa|rsa|okp|ec', 'Kind of a new key; ed25519 unless told'),
            '--type': ('ed25519|ecdsa|rsa|okp|ec', 'Kind of a new key; ed25519 unless told'),
            '--curve': ('P-256|P-384|P-521|Ed25519', 'Of an ecdsa key; P-256 unless told'),
            '--crv': ('P-256|P-384|P-521|Ed25519', 'Of an ecdsa key; P-256 unless told'),
            '--size': ('value', 'Bits of an rsa key'),
            '--no-password': ('', 'Leave the new key without a passphrase'),
            '--password-file': ('file', "The key's passphrase is its first line"),
            '-f': ('', 'Replace files that are there'),
            '--force': ('', 'Replace files that are there'),
            '--comment': ('value', 'What stands behind the key in its files; KEYID unless told'),
            '--private-key': ('file', 'With --sign: the private half, if elsewhere'),
            '--provider': ('value', 'Which identity provider, where the CA knows several'),
            '--provisioner': ('value', 'Which identity provider, where the CA knows several'),
            '--issuer': ('value', 'Which identity provider, where the CA knows several'),
            '--device': ('', "Sign in on another device, at the CA's own page"),
            '--console': ('', "Sign in on another device, at the CA's own page"),
            '--no-browser-open': ('', 'Print the address to open, and open nothing'),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('value', 'file', 'file',),
    ),
    'inspect': (
        {
        },
        {
            '--format': ('text|json', 'How to print it'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('file',),
    ),
    'fingerprint': (
        {
        },
        {
            '--certificate': ('', 'Of the whole certificate, not of the key in it'),
            '--format': ('hex|base64|base64-url|base64-raw|base64-url-raw', 'How to write it'),
            '--json': ('', 'A list of objects, one for each key'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('file',),
    ),
    'needs-renewal': (
        {
        },
        {
            '--expires-in': ('value', 'A share such as 75%, or a time such as 1h15m'),
            '-v': ('', 'Say what was found'),
            '--verbose': ('', 'Say what was found'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('file',),
    ),
    'renew': (
        {
        },
        {
            '--out': ('file', 'Write it there, and leave CERT as it is'),
            '--output-file': ('file', 'Write it there, and leave CERT as it is'),
            '-f': ('', 'Replace what stands at --out'),
            '--force': ('', 'Replace what stands at --out'),
            '--password-file': ('file', "The key's passphrase is its first line"),
            '--root-cert': ('file', 'With --ca-url: its root certificate (PEM)'),
            '--fingerprint': ('value', 'With --ca-url: SHA-256 of its root certificate'),
            '--ca-url': ('value', "The CA, if not this host's own or your company's"),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('file', 'file',),
    ),
    'rekey': (
        {
        },
        {
            '--out': ('file', 'Where the new key goes; its certificate to FILE-cert.pub'),
            '-f': ('', 'Replace files that are there'),
            '--force': ('', 'Replace files that are there'),
            '--no-password': ('', 'Leave the new key without a passphrase'),
            '--password-file': ('file', "The key's passphrase is its first line"),
            '--root-cert': ('file', 'With --ca-url: its root certificate (PEM)'),
            '--fingerprint': ('value', 'With --ca-url: SHA-256 of its root certificate'),
            '--ca-url': ('value', "The CA, if not this host's own or your company's"),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('file', 'file',),
    ),
    'revoke': (
        {
        },
        {
            '--reason': ('value', "Why; it is kept in the CA's record"),
            '--sshpop-cert': ('file', "A host's certificate, to be given up by its own key"),
            '--sshpop-key': ('file', 'The private key of that certificate'),
            '--password-file': ('file', 'The passphrase of --sshpop-key'),
            '--root-cert': ('file', 'With --ca-url: its root certificate (PEM)'),
            '--fingerprint': ('value', 'With --ca-url: SHA-256 of its root certificate'),
            '--ca-url': ('value', "The CA, if not this host's own or your company's"),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('value',),
    ),
    'list': (
        {
        },
        {
            '--raw': ('', 'Print the public keys themselves'),
            '--remote': ('', 'Your certificates at the CA instead: serial, key id, end'),
            '--json': ('', 'A JSON list on stdout'),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('value',),
    ),
    'check-host': (
        {
        },
        {
            '-v': ('', 'Say which company the host belongs to'),
            '--verbose': ('', 'Say which company the host belongs to'),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('host',),
    ),
    'hosts': (
        {
        },
        {
            '--json': ('', 'A JSON list on stdout'),
            '--offline': ('', 'Ask nobody'),
            '--context': ('context', 'Which company, where you have joined several (or DAYPASS_CONTEXT)'),
            '--root': ('file', 'Work below DIR instead of /'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'host': (
        {
            'enroll': "Get this server's first certificates, and set up its sshd.",
            'status': "Show this server's name, and until when its certificates hold.",
            'sync': 'Ask the CA who may log in here now.',
        },
        {
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'host enroll': (
        {
        },
        {
            '--token-file': ('file', 'Where the join token stands; - reads it from standard input'),
            '--root': ('file', "Stand this before every path, in sshd's configuration too (tests, images)"),
            '--sshd-config': ('file', "sshd's configuration, if not the standard one"),
            '--sshd': ('file', 'The sshd program, if not the one found'),
            '--no-reload': ('', 'Leave the running sshd alone; the certificate counts from its start'),
            '--dry-run': ('', 'Look at this machine and tell what would be done'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'host status': (
        {
        },
        {
            '--root': ('file', "Stand this before every path, in sshd's configuration too (tests, images)"),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'host sync': (
        {
        },
        {
            '--root': ('file', "Stand this before every path, in sshd's configuration too (tests, images)"),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'who': (
        {
        },
        {
            '--remote': ('', "Sign in for it, even on the CA's own machine"),
            '--provider': ('value', 'Which identity provider to sign in at'),
            '--no-browser-open': ('', 'Print the address to open, and open nothing'),
            '--context': ('context', 'Which company, where you have joined several'),
            '--config': ('file', "The CA's configuration, on its own machine"),
            '--root': ('file', 'Work below DIR instead of / (tests, images)'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('value',),
    ),
    'ca': (
        {
            'check-config': 'Tell every mistake in the configuration at once.',
            'init': 'Make a new CA: keys, trust root, configuration and database.',
            'migrate': 'Bring the database to the form that this version expects.',
            'reload': 'Put the configuration in force, as the next version.',
            'serve': 'Run the CA until it is told to stop.',
            'trust': 'Sign the next trust document: keys, roots, hosts.domains.',
        },
        {
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'ca check-config': (
        {
        },
        {
            '--config': ('file', "The CA's configuration"),
            '--root': ('file', 'Stand this before every path (tests, images)'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'ca init': (
        {
        },
        {
            '--config': ('file', "The CA's configuration"),
            '--root': ('file', 'Stand this before every path (tests, images)'),
            '--name': ('value', 'What people see this CA called'),
            '--url': ('value', 'How people and hosts reach it: https://NAME[:PORT]'),
            '--host-domain': ('value', 'What the host CA may speak for'),
            '--provider-issuer': ('value', 'The OpenID provider where people sign in'),
            '--client-id': ('value', 'What daypass is registered as there'),
            '--database': ('value', 'sqlite:////PATH or postgresql://; SQLite unless told'),
            '--passphrase-file': ('file', 'Encrypt the keys with what is in this file'),
            '--no-passphrase': ('', 'Leave the keys unencrypted (readable by their owner alone)'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'ca migrate': (
        {
        },
        {
            '--config': ('file', "The CA's configuration"),
            '--root': ('file', 'Stand this before every path (tests, images)'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'ca reload': (
        {
        },
        {
            '--config': ('file', "The CA's configuration"),
            '--root': ('file', 'Stand this before every path (tests, images)'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'ca serve': (
        {
        },
        {
            '--log': ('warning|info|debug', 'How much is written to standard error: what is wrong, each request, everything'),
            '--config': ('file', "The CA's configuration"),
            '--root': ('file', 'Stand this before every path (tests, images)'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'ca trust': (
        {
        },
        {
            '--config': ('file', "The CA's configuration"),
            '--root': ('file', 'Stand this before every path (tests, images)'),
            '--trust-root': ('file', "The offline root's private key; offline/trust_root beside the configuration unless told"),
            '--passphrase-file': ('file', 'What the offline root is encrypted with'),
            '--yes': ('', 'Sign without asking'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'token': (
        {
            'host': 'Make the one-time token with which host NAME joins.',
        },
        {
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'token host': (
        {
        },
        {
            '--alias': ('value', 'A further name for the host; repeatable'),
            '--label': ('value', 'A label for the host; repeatable'),
            '--lifetime': ('value', 'How long the token can be used'),
            '--remote': ('', "Sign in for it, even on the CA's own machine"),
            '--provider': ('value', 'Which identity provider to sign in at'),
            '--no-browser-open': ('', 'Print the address to open, and open nothing'),
            '--context': ('context', 'Which company, where you have joined several'),
            '--config': ('file', "The CA's configuration, on its own machine"),
            '--root': ('file', 'Work below DIR instead of / (tests, images)'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('value',),
    ),
    'approvals': (
        {
            'approve': 'Approve request ID: it is done at once.',
            'list': 'Show what waits for you, and your own.',
            'refuse': 'Refuse request ID: it is never carried out.',
        },
        {
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'approvals approve': (
        {
        },
        {
            '--digest': ('value', 'Of what you approve'),
            '--remote': ('', "Sign in for it, even on the CA's own machine"),
            '--provider': ('value', 'Which identity provider to sign in at'),
            '--no-browser-open': ('', 'Print the address to open, and open nothing'),
            '--context': ('context', 'Which company, where you have joined several'),
            '--config': ('file', "The CA's configuration, on its own machine"),
            '--root': ('file', 'Work below DIR instead of / (tests, images)'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('value',),
    ),
    'approvals list': (
        {
        },
        {
            '--remote': ('', "Sign in for it, even on the CA's own machine"),
            '--provider': ('value', 'Which identity provider to sign in at'),
            '--no-browser-open': ('', 'Print the address to open, and open nothing'),
            '--context': ('context', 'Which company, where you have joined several'),
            '--config': ('file', "The CA's configuration, on its own machine"),
            '--root': ('file', 'Work below DIR instead of / (tests, images)'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'approvals refuse': (
        {
        },
        {
            '--digest': ('value', 'Of what you refuse'),
            '--remote': ('', "Sign in for it, even on the CA's own machine"),
            '--provider': ('value', 'Which identity provider to sign in at'),
            '--no-browser-open': ('', 'Print the address to open, and open nothing'),
            '--context': ('context', 'Which company, where you have joined several'),
            '--config': ('file', "The CA's configuration, on its own machine"),
            '--root': ('file', 'Work below DIR instead of / (tests, images)'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        ('value',),
    ),
    'ledger': (
        {
            'show': 'Print entries as they were recorded, one JSON object a line.',
            'verify': 'Walk the hash chain from its first entry to its last.',
        },
        {
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'ledger show': (
        {
        },
        {
            '--after': ('value', 'Begin behind the entry of this number'),
            '--limit': ('value', 'At most so many entries'),
            '--config': ('file', "The CA's configuration"),
            '--root': ('file', 'Stand this before every path (tests, images)'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
    'ledger verify': (
        {
        },
        {
            '--config': ('file', "The CA's configuration"),
            '--root': ('file', 'Stand this before every path (tests, images)'),
            '--json': ('', 'Answer in JSON, for scripts'),
            '-v': ('', 'Say every step, with times'),
            '--verbose': ('', 'Say every step, with times'),
            '-h': ('', 'Show this message and exit'),
            '--help': ('', 'Show this message and exit'),
        },
        (),
    ),
}
