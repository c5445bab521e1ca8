"""Closures that threads share."""

import sys, threading

def main():
    count, barrier = 0, threading.Barrier(4)
    lock = threading.Lock()

    def work():
        nonlocal count
        barrier.wait()
        for _ in range(50):
            with lock:
                count += 1
            seen = count

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen = count
    for thread in threads:
        thread.join()
    return count

def counter():
    total = 0
    def add():
        nonlocal total
        total += 1
        return total
    def reads():
        return total
    return add, reads

print(main())
add, reads = counter()
others = [threading.Thread(target=lambda: [add() for _ in range(50)]) for _ in range(4)]
for other in others:
    other.start()
    other.join()
print(reads(), add.__closure__[0].cell_contents)
local = threading.local()
local.x = 1
def elsewhere():
    print(hasattr(local, "x"), sys._getframe().f_trace)
thread = threading.Thread(target=elsewhere)
thread.start()
thread.join()
print(threading.active_count(), local.x)
