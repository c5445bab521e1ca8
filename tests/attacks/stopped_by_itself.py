"""Stops itself."""

def attack(told, tries):
    tries.did("SIGSTOP")
    tries.say()
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(60)
