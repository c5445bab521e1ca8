def inverses(numbers):
    return [1 / n for n in numbers]


try:
    inverses([1, 0])
except ZeroDivisionError:
    pass
