"""What somebody is about to buy."""

from dataclasses import dataclass, field

from shop import money


@dataclass
class Basket:
    prices: dict
    counts: dict = field(default_factory=dict)

    def add(self, name, count=1):
        if name not in self.prices:
            raise KeyError(name)
        self.counts[name] = self.counts.get(name, 0) + count

    def total(self):
        cents = 0
        for name, count in self.counts.items():
            cents += money.parse(self.prices[name]) * count
        return cents - self.discount(cents)

    def discount(self, cents):
        """Three of a kind: the cheapest kind is free once."""
        tripled = [name for name, count in self.counts.items() if count >= 3]
        if not tripled:
            return 0
        return min(money.parse(self.prices[name]) for name in tripled)


def receipt(basket):
    lines = []
    for name, count in sorted(basket.counts.items()):
        lines.append(f"{count} x {name}")
    lines.append(f"total {money.show(basket.total())}")
    return lines
