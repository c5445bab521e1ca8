def numbers():
    try:
        yield 1
    finally:
        done = True


for number in numbers():
    break
after = number
