def safe(n):
    try:
        result = 1 / n
    except ZeroDivisionError:
        result = None
    else:
        result += 1
    finally:
        n = None
    return result


safe(1)
safe(0)
