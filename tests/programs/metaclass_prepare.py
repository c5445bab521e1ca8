class Meta(type):
    @classmethod
    def __prepare__(meta, name, bases, **kwargs):
        return {"given": 1}

    def __new__(meta, name, bases, namespace):
        return super().__new__(meta, name, bases, namespace)


class Made(metaclass=Meta):
    taken = given
