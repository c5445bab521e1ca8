#: steps_lane = 720
#: text_lane = 400
#: notes_lane = 520
#: begin = functions
#: each = 3
# Steps, text and notes run out; ends may use what is kept back of the notes.
def inner(n):
    return [n] * n


def gives(n):
    for item in range(n):
        yield inner(item)


def main():
    kept = []
    for n in range(4):
        kept.extend(gives(n))
        inner(n)
    return kept
