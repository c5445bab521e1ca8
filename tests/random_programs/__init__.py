"""Random programs that are rich in what two tracers could tell apart: see program.py.

Runs inside the interpreter under test: standard library only, CPython 3.8 and later.  The same seed gives the same
program on every version and under every hash seed.
"""
