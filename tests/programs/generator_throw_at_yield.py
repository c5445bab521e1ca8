# Nothing catches what is thrown in: the instruction still is a yield, yet nothing was yielded.
def stubborn():
    yield
    yield


stream = stubborn()
next(stream)
next(stream)
try:
    stream.throw(ValueError)
except ValueError:
    pass
