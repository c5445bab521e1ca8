def counter():
    count = 0

    def step():
        nonlocal count
        count += 1
        return count

    step()
    step()
    return count


counter()
