# The signature's order, which is not the code object's: *args stands before b.
def gather(a, *args, b, c=3, **kw):
    z = 0
    return a


gather(1, 2, 3, b=4, x=5)
gather(*[1], **{"b": 2})
