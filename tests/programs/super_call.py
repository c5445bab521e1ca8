class Base:
    def greet(self, name):
        return "hello " + name


class Loud(Base):
    def greet(self, name):
        said = super().greet(name)
        return said.upper()


Loud().greet("you")
