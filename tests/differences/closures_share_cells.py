# Cells among functions: arguments, free variables, a cell that is emptied and filled again.
def main(first=1, *rest, key=2):
    def shares():
        return first, rest, key

    def changes(value):
        nonlocal first, key
        key = [value]
        first = value
        shares()
        del first
        try:
            shares()
        except NameError as error:
            pass
        first = [first for first in "ab"]

    changes(3)
    makers = [lambda n=n: (n, key) for n in range(2)]
    for make in makers:
        make()
    key.append(key)
    shares()
    class Inner:
        other = first
        def method(self):
            return __class__, key
    Inner().method()
    return shares
