class Counter:
    def __init__(self, start):
        self.count = start

    def step(self, by):
        self.count += by
        return self.count

    def __repr__(self):
        return f"Counter({self.count})"

    @staticmethod
    def zero():
        return Counter(0)

    @classmethod
    def one(cls):
        return cls(1)


counter = Counter.zero()
counter.step(2)
Counter.one()
