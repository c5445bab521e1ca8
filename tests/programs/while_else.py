def search(n):
    while n < 3:
        n += 1
        if n == 5:
            break
    else:
        n = "none"
    return n


search(1)
search(4)
