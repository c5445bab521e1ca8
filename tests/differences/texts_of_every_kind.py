# Exact builtins are rendered by the tracer itself, byte for byte like repr.
def main():
    for text in ["it's", 'say "hi"', "both ' and \"", "back\\slash", "\x00\x1f\x7f\n\r\t", "\x80\x9f\xa0\xad\xff", "\u0100\u0378\u2028\ue000", "\ud800", "\udfff\ud800", "\U0001f600\U000e0001\U0010ffff", "\ufdd0", "..", ""]:
        several = [text, text.encode("utf-8", "surrogatepass"), {text: (text,)}, bytearray(text, "utf-8", "replace")]
    for number in [0, -1, 255, 2**30, -(2**30), 2**60, -(2**63), 10**25, 10**4299, 10**4300, -(2**14284), 2**14284 - 1]:
        several = [number, (number,), {number}]
    for number in [0.0, -0.0, 1.0, 1e15, 1e16, 1e17, 1e22, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1 / 3, float("nan"), float("-inf"), 123456789012345680.0]:
        several = [number, complex(number, -number), complex(0, number), [-number]]
    several = [None, ..., NotImplemented, True, (), (1,), [], {}, set(), frozenset(), {1}, frozenset([()]), b"", range(3), slice(1), len, int]
    several.append(several)
    return several
