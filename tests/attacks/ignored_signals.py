"""Ignores whatever can be ignored, and sleeps."""

def attack(told, tries):
    tries.did("every signal is ignored")
    tries.say()
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    time.sleep(60)
