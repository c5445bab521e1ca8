def lengths(words, extra):
    return {word: len(word) + extra for word in words}


lengths(["a", "bcd"], 1)
