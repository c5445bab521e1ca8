"""Record a block of this process, as with a debugger, and look at it three ways."""

import tracegen


def collatz(n: int) -> int:
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def main() -> None:
    with tracegen.record() as recording:
        longest = max(range(1, 5), key=collatz)
        print("longest:", longest)
    trace = recording.trace
    print(trace)
    for step, frame in zip(trace.steps[:6], trace.frames(), strict=False):
        print(f"{step.line:4} {frame.event.value:9} {frame.source.rstrip():40} {dict(frame.locals)}")
    print(tracegen.trace_call(collatz, 6).text()[-400:])


if __name__ == "__main__":
    main()
