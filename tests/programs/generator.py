def count(to):
    n = 0
    while n < to:
        yield n
        n += 1


numbers = count(2)
next(numbers)
for number in numbers:
    pass
next(numbers, "over")
