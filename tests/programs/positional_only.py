def power(base, exponent=2, /, *, modulus=None):
    return pow(base, exponent, modulus)


power(3)
power(3, 3, modulus=5)
