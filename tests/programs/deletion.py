def shuffle(a):
    b = 2
    del a
    c = 3
    a = 1
    # A name that is bound again after `del` goes last: the resumption lists all names in order.
    yield a
    del b, c


list(shuffle(0))
x = 1
y = 2
del x
x = 3
