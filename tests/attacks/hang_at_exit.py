"""A handler for the interpreter's end does not end."""

def attack(told, tries):
    tries.did("atexit")
    tries.say()
    import atexit

    atexit.register(time.sleep, 60)
