class Once:
    def __init__(self):
        self.left = 1

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        self.left -= 1
        return "item"


once = Once()
for item in once:
    pass
try:
    next(once)
except StopIteration:
    pass
