def inner(values):
    return values[3]


def outer():
    return inner([1])


print("before")
outer()
