level = 0


def climb():
    global level
    level += 1
    local = level
    return local


climb()
