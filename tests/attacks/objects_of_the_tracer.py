"""Finds the tracer's and the warm parent's objects, and calls them."""

import gc


def attack(told, tries):
    import _socket

    for each in gc.get_objects():
        if isinstance(each, _socket.socket):
            tries.to("an open socket", lambda: each.fileno() >= 0)
        if type(each).__name__ == "_Parent":
            for name in ("_swept", "_end_all"):
                try:
                    getattr(each, name)()
                except Exception:
                    pass
            try:
                each._say(ended=0, clean=True)
            except BaseException:
                pass
        if type(each).__name__ in ("Recorder", "Tracer", "Writer"):
            for name in ("finish", "stop", "let_go", "close"):
                try:
                    getattr(each, name)()
                except Exception:
                    pass
    tries.did("objects")
