def lengths(words, extra):
    return {word: len(word) + extra for word in words}


def remainders(numbers, base):
    found = {n % base for n in numbers}
    return found


lengths(["a", "bcd"], 1)
remainders((1, 4, 5), 3)
