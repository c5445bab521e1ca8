def gather(a, *args, b, c=3, **kw):
    # The signature's order, which is not the code object's: *args stands before b.
    z = 0
    return a


def power(base, exponent=2, /, *, modulus=None):
    return pow(base, exponent, modulus)


gather(1, 2, 3, b=4, x=5)
gather(*[1], **{"b": 2})
power(3)
power(3, 3, modulus=5)
