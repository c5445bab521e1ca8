def total(numbers, factor):
    products = (factor * n for n in numbers if n)
    return sum(products)


total([1, 0, 2], 10)
