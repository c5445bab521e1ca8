# needs 3.10
def area(shape):
    match shape:
        case {"side": side}:
            return side * side
        case ["rect", w, h] if w > h:
            return w * h
        case _:
            return None


area({"side": 2})
area(["rect", 3, 1])
area(0)
