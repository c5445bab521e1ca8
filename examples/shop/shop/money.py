"""Amounts in cents."""


def parse(text):
    """'3.50' to 350."""
    whole, _, cents = text.partition(".")
    if not whole.isdigit() or len(cents) not in (0, 2):
        raise ValueError(f"not an amount: {text!r}")
    return int(whole) * 100 + int(cents or 0)


def show(cents):
    sign = "-" if cents < 0 else ""
    cents = abs(cents)
    return f"{sign}{cents // 100}.{cents % 100:02d}"
