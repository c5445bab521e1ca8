"""Ends by the signal that want of memory ends by."""

def attack(told, tries):
    tries.did("SIGKILL")
    tries.say()
    os.kill(os.getpid(), signal.SIGKILL)
