#: characters = 3
# Cut within quotes, escapes, surrogates and characters of four bytes; the checksum is of the whole.
class Shows:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def main():
    for text in ["", "ab", "abc", "é", "éé", "€€€", "\U0001f600", "\U0001f600\U0001f601\U0001f602\U0001f603", "\ud800\udc00", "\n\t\\'\""]:
        shows = Shows(text)
        raw = Shows("\ufdd0" + text)
        again = text.encode("utf-8", "replace")
        print(len(text))
    raise ValueError("€\ud800")
