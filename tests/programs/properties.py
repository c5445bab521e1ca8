class Celsius:
    def __init__(self, degrees):
        self.degrees = degrees

    @property
    def kelvin(self):
        return self.degrees + 273

    @kelvin.setter
    def kelvin(self, kelvin):
        self.degrees = kelvin - 273

    def __repr__(self):
        return f"Celsius({self.degrees})"


water = Celsius(0)
water.kelvin
water.kelvin = 373
