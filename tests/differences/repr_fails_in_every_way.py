# Whatever a foreign repr raises or returns, it is one marker, and the next step is compared with it.
class Own(BaseException):
    pass


class Text(str):
    def __str__(self):
        return "not asked"


def generator():
    yield


def thrown(error):
    made = generator()
    next(made)
    made.throw(error)


WAYS = [
    lambda: (_ for _ in ()).throw(ValueError("v")),
    lambda: thrown(Own("own")),
    lambda: thrown(SystemExit(3)),
    lambda: 5,
    lambda: None,
    lambda: Text("text"),
    lambda: Text(".."),
    lambda: "..",
    lambda: "",
    lambda: "\ud83d" + "\ude00",
    lambda: "\ude00\ud83d",
    lambda: "\ufdd0",
    lambda: "<P at 0x7f00> at 0x",
    lambda: [][1],
    lambda: {}["k"],
    lambda: "p" * 200,
]


class Fails:
    way = 0

    def __repr__(self):
        return WAYS[self.way]()


def main():
    one = Fails()
    both = [one, {"k": (one,)}]
    for way in range(len(WAYS)):
        Fails.way = way
        one.x = 1
    Fails.__name__ = "Renamed"
    Fails.way = 0
    try:
        raise ValueError(one)
    except ValueError as error:
        one = None
    return both
