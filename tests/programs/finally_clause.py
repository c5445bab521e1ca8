def tidy(fail):
    # `finally:` has no frame of its own; its body runs on both ways out.
    try:
        if fail:
            raise OSError("failed")
    finally:
        done = True


tidy(False)
try:
    tidy(True)
except OSError:
    pass
