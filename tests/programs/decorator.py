def logged(function):
    def wrapper(*args):
        result = function(*args)
        return result

    return wrapper


@logged
def add(a, b):
    return a + b


add(1, 2)
