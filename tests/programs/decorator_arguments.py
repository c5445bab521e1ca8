def times(n):
    def decorate(function):
        return lambda x: n * function(x)

    return decorate


@times(2)
@times(
    3,
)
def same(x):
    return x


same(5)
