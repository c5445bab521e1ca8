def find(wanted, items):
    for index, item in enumerate(items):
        if item == wanted:
            break
    else:
        index = -1
    return index


find("b", "abc")
find("z", "a")
