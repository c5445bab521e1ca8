def factorial(n):
    if n < 2:
        return 1
    smaller = factorial(n - 1)
    return n * smaller


factorial(3)
