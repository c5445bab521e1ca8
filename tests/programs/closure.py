def scaler(factor, offset):
    # The free variables come after the arguments and before what the body binds.
    def scale(x):
        y = x * factor
        z = y + offset
        return z

    return scale


triple = scaler(3, 1)
triple(5)
