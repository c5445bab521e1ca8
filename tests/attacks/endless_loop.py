"""Never ends."""

def attack(told, tries):
    tries.did("a loop")
    tries.say()
    while True:
        pass
