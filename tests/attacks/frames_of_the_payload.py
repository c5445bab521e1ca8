"""Walks up to the frames below the program's, and takes what their variables hold."""


def attack(told, tries):
    frame = sys._getframe()
    while frame is not None:
        for name, value in list(frame.f_locals.items()):
            if hasattr(value, "fileno") and not getattr(value, "closed", False):
                tries.to("an open " + name, lambda: value.fileno() > 2)
        frame.f_trace = None
        frame = frame.f_back
    for name in ("_control", "_rules"):
        for module in list(sys.modules.values()):
            tries.tried += hasattr(module, name)
    tries.did("frames")
