def alias():
    # Two names for one list: both show that it changed.
    one = [1]
    two = one
    one.append(2)
    three = [1, 2]
    two.append(3)
    return three


alias()
