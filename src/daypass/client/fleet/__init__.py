"""An operator's side of a fleet: `daypass host enroll --over-ssh` takes hosts over by the ssh access there is now.

listing   the list of hosts, judged whole before anything happens
takeover  one host: is it ours already? enrol it, and see it prove itself
waves     one first, then a few, then many; no further where a wave failed
"""
