import sys


def leave(code):
    sys.exit(code)


print("leaving")
leave(3)
