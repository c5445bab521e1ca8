#: traced = module
# A name that was deleted comes back in the same step as a new one: the namespace's order counts.
g = 1
del g
if True:
    y = g = 2
class Body:
    b = 1
    del b
    if True:
        a = b = 2
def main():
    g = 1
    del g
    y = g = 2
