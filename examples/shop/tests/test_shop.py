import pytest

from shop import money
from shop.basket import Basket, receipt

PRICES = {"apple": "0.50", "bread": "3", "cheese": "7.25"}


@pytest.mark.parametrize(("text", "cents"), [("3", 300), ("0.50", 50), ("12.99", 1299)])
def test_parse(text, cents):
    assert money.parse(text) == cents
    assert money.parse(money.show(cents)) == cents


def test_parse_refuses():
    with pytest.raises(ValueError):
        money.parse("free")


def test_show_negative():
    assert money.show(-5) == "-0.05"


def test_discount():
    basket = Basket(PRICES)
    basket.add("apple", 3)
    basket.add("cheese")
    assert basket.total() == 825


def test_unknown():
    with pytest.raises(KeyError):
        Basket(PRICES).add("diamond")


def test_receipt():
    basket = Basket(PRICES)
    basket.add("bread")
    basket.add("apple", 2)
    assert receipt(basket) == ["2 x apple", "1 x bread", "total 4.00"]
