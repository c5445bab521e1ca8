"""Fills what is recorded: odd things that a reader should know of, a million of them."""


def attack(told, tries):
    tries.did("oddities")
    for number in range(3000):
        sys.settrace(lambda *_: None)
        sys.settrace(None)
        code = compile("def f{}():\n    return 1\n".format(number), "<program>", "exec")
        exec(code, {})
