from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: int = 0

    def __post_init__(self):
        self.y += 1


point = Point(1)
point.y = 5
same = point == Point(1, 4)
