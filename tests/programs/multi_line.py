def make(name, size):
    return {
        "name": name,
        "size":
            size + 1,
    }


made = make(
    "box",
    size=max(
        1,
        2,
    ),
)
text = """two
lines""" + str(
    made["size"]
)
