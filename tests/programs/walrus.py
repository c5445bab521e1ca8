def first_long(words):
    if (n := len(words)) > 1:
        return [word for w in words if len(word := w.strip()) > n]


first_long(["a ", "bcd"])
