def remainders(numbers, base):
    found = {n % base for n in numbers}
    return found


remainders((1, 4, 5), 3)
