#: begin = code
#: name = work
# Streams of their own; a generator that is begun on one thread and goes on on another.
import threading


def work(n, out):
    out.append(n)
    if n:
        made.append(gives(n))
        next(made[-1])
    return out


def gives(n):
    yield n
    yield [n]


made = []


def run(target, *args):
    thread = threading.Thread(target=target, args=args); thread.start(); thread.join(); del thread


def main():
    out = []
    work(1, out)
    run(work, 2, out)
    run(next, made[0])
    run(work, 0, None)
    next(made[1])
    run(list, made[1])
    made.clear()
    return work(3, out)
