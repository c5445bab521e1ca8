#: begin = functions
#: each = 2
# Suspended, thrown into, closed, dropped, resumed deeper, finished by another's exception.
def gives(log):
    try:
        while True:
            try:
                got = yield log
                log.append(got)
            except ValueError as error:
                got = yield error
    finally:
        log.append("finally")


def outer(log):
    got = yield from gives(log)
    return got


def deeper(made, levels):
    return deeper(made, levels - 1) if levels else next(made)


def main():
    log = []
    one = outer(log)
    next(one)
    one.send(1)
    deeper(one, 3)
    one.throw(ValueError("v"))
    one.close()
    for item in gives(log):
        break
    held = [outer(log), gives(log)]
    next(held[0])
    next(held[1])
    held.clear()
    two = gives(log)
    next(two)
    try:
        two.throw(KeyError("k"))
    except KeyError:
        pass
    return log
