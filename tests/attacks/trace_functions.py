"""Every way to set a trace function, or to take it away."""


def attack(told, tries):
    libpython = ctypes.pythonapi
    for act in (sys.settrace, sys.setprofile, threading.settrace, threading.setprofile):
        act(lambda *_: None)
        act(None)
    libpython.PyEval_SetTrace(None, None)
    libpython.PyEval_SetProfile(None, None)
    sys._getframe().f_trace = None
    tries.did("trace functions")
