from dataclasses import dataclass, field


@dataclass
class Point:
    x: int
    y: int = 0
    tags: list = field(default_factory=list)

    def __post_init__(self):
        self.tags.append("new")


point = Point(1)
point.y = 5
same = point == Point(1, 5)
