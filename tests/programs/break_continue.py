def odd_below(limit):
    found = []
    n = 0
    while True:
        n += 1
        if n > limit:
            break
        if n % 2 == 0:
            continue
        found.append(n)
    return found


odd_below(3)
