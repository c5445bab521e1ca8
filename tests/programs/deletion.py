# A name that is bound again after `del` goes last.
def shuffle(a):
    b = 2
    del a
    c = 3
    a = 1
    del b, c
    return a


shuffle(0)
x = 1
y = 2
del x
x = 3
