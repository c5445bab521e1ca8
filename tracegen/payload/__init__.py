"""What runs inside the traced interpreter: standard library only, CPython 3.8 to 3.13.

In this process it is an ordinary package; in a child it is loaded from its folder under a private name
(bootstrap.py), so that the target's modules, ``sys.path`` and working folder stay its own.  Imports nothing
of the rest of tracegen.
"""
