"""New keys for a CA that runs: `daypass ca rotate`, in three stages that each wait for the last to have reached all.

    announce   a new key is made, listed after the one that signs, and signed into the trust document
    sign       it is listed first, and signs from now on; the old one is still believed
    retire     the old one leaves the configuration and the trust document, and its files go to retired/

standing    where a rotation is, by the configuration and the trust document of this machine alone
waiting     what on record still depends on the stage before
keyfiles    the files of a key: their numbers, how they are made, how they are put away
keylist     [[keys]] of the configuration, changed in place
steps       the stages; each may be cut short anywhere and run again
"""

from daypass.rotation.standing import KIND, Stage, Standing, standing
from daypass.rotation.steps import Ground, announce, require_turn, retire, sign
from daypass.rotation.waiting import Waiting, waiting

__all__ = [
    "KIND",
    "Ground",
    "Stage",
    "Standing",
    "Waiting",
    "announce",
    "require_turn",
    "retire",
    "sign",
    "standing",
    "waiting",
]
