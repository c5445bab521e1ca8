def describe(name, width):
    return f"{name!r:>{width}}|{len(name)=}" f"{'x' if name else 'y'}"


describe("ab", 6)
