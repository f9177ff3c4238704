"""Config -> Authority, and the CA process around it. The only room that knows every concrete part.

parts      keys, certificates and the trust document, from files
held       the same, as the files are now: rotation needs no restart
force      a published version -> what is in force on this machine
public     what anyone may know of it
hangup     SIGHUP: this machine's file becomes the next version
running    the process: open the store, follow what is published, serve
"""

from daypass.assemble.force import Maker
from daypass.assemble.held import Held
from daypass.assemble.parts import KeyFiles, Parts, load_parts, usable
from daypass.assemble.public import public_info
from daypass.assemble.running import authority, opened, run_ca

__all__ = [
    "Held",
    "KeyFiles",
    "Maker",
    "Parts",
    "authority",
    "load_parts",
    "opened",
    "public_info",
    "run_ca",
    "usable",
]
