def sign(n):
    if n > 0: return 1
    elif n < 0: return -1
    else: result = 0; n = None
    return result


def loop(n):
    while n: n -= 1
    for i in range(2): n += i
    return n


sign(5), sign(-5), sign(0)
loop(2)
def stub(): pass
stub()
