def factorial(n):
    if n < 2:
        return 1
    smaller = factorial(n - 1)
    return n * smaller


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


factorial(3)
even(3)
