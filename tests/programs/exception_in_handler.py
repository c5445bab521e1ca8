def clumsy():
    try:
        1 / 0
    except ZeroDivisionError:
        [].pop()
    finally:
        cleaned = True


try:
    clumsy()
except IndexError as error:
    context = error.__context__
