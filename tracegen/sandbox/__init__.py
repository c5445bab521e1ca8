"""Walls around code that nobody trusts: levels, bounds, and a warm parent that forks for each task.

docs/security.md says which attack stops where.  Knows nothing of programs, traces or data sets.
"""

from tracegen.sandbox.bounds import Bounds, Level
from tracegen.sandbox.session import Sandbox

__all__ = ["Bounds", "Level", "Sandbox"]
