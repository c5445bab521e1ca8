twice = lambda x: x * 2
twice(4)
(lambda: None)()
(lambda x, *, y=2: x + y)(1)
sorted([3, 1], key=lambda n: -n)
