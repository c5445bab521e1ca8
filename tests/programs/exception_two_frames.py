def deepest(n):
    raise ValueError(n)


def middle(n):
    deepest(n)
    return "never"


def top():
    try:
        middle(7)
    except ValueError:
        return None


top()
