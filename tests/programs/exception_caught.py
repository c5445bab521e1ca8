def parse(text):
    try:
        number = int(text)
    except (TypeError, ValueError) as error:
        message = str(error)[:7]
        return message
    return number


parse("x")
parse("1")
