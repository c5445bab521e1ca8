"""A regular expression that goes back for ever."""

import re


def attack(told, tries):
    tries.did("(a*)*b")
    tries.say()
    return re.match("(a*)*b", "a" * 64)
