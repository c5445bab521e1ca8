"""Source code to execution traces in CWM's format: run, record, store, speak.  Knows no model."""

from tracegen.context import Context
from tracegen.frame import Event, Frame
from tracegen.grammar import GrammarError, Special, parse, pieces, prompt, render
from tracegen.payload.recorder import Limits
from tracegen.recording import Recording, record, trace_call
from tracegen.settings import CannotRun, Settings
from tracegen.shards import read, write
from tracegen.trace import Ending, Entry, Provenance, Step, Trace, speak

__all__ = [
    "CannotRun",
    "Context",
    "Ending",
    "Entry",
    "Event",
    "Frame",
    "GrammarError",
    "Limits",
    "Provenance",
    "Recording",
    "Settings",
    "Special",
    "Step",
    "Trace",
    "parse",
    "pieces",
    "prompt",
    "read",
    "record",
    "render",
    "speak",
    "trace_call",
    "write",
]
