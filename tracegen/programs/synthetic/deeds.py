"""The grammar of statements that change something, as a table: see productions.py for how it is written.

``<own:kind>`` is a variable that may change here, ``<same>`` the last of these once more.
"""

from __future__ import annotations

from .productions import Row

ROWS: dict[str, list[Row]] = {
    "deed": [
        (17, 8, "<own:list[T]>.append(<T>)"),
        (313, 8, "<own:list[T]>.reverse()"),
        (807, 8, "<own:list[T]>.clear()"),
        (205, 8, "<own:list[T]>.sort()"),
        (44, 8, "<own:list[T]>.sort(reverse=True)"),
        (74, 8, "<own:list[T]>.insert(<near>, <T>)"),
        (42, 8, "<own:list[T]>.pop()"),
        (42, 8, "<own:list[T]>.pop(<end>)"),
        (31, 8, "<own:list[T]>.pop(<near>)"),
        (8.9, 8, "<own:list[T]>.remove(<T>)"),
        (32, 8, "<own:list[T]>.remove(<same>[<end>])"),
        (221, 8, "<own:list[T]>.extend(<list[T]>)"),
        (123, 8, "del <own:list[T]>[<end>]"),
        (60, 8, "del <own:list[T]>[:<small>]"),
        (68, 8, "<own:list[T]>[<end>] = <T>"),
        (103, 8, "<own:list[T]>[0], <same>[-1] = <same>[-1], <same>[0]"),
        (635, 8, "<own:dict[K,V]>.clear()"),
        (31, 8, "<own:dict[K,V]>.pop(<var:K>)"),
        (14, 8, "<own:dict[K,V]>.pop(<K>, None)"),
        (215, 8, "<own:dict[K,V]>.popitem()"),
        (900, 8, "<own:dict[K,V]>.update(<dict[K,V]>)"),
        (83, 8, "<own:dict[K,V]>[<K>] = <V>"),
        (844, 8, "<own:dict[K,V]>.setdefault(<K>, <V>)"),
        (87, 8, "del <own:dict[K,V]>[<var:K>]"),
        (151, 8, "<own:list[tuple]>.append((<T>, <int>))"),
        (62, 8, "<own:list[tuple]>.sort()"),
        (3.2, 8, "<own:list[list[int]]>.append(<list[int]>)"),
        (67, 8, "<own:list[list[int]]>.reverse()"),
        (30, 8, "<own:str> = <str>"),
        (1.9, 8, "<own:str> += <str>"),
        (2.7, 8, "<own:int> += <int>"),
        (10.0, 8, "<own:int> -= <small>"),
        (6.1, 8, "<own:int> *= <small>"),
    ],
    "change": [
        (30, 8, "<own:str> = <str>"),
        (2.7, 8, "<own:str> += <piece>"),
        (3.7, 8, "<own:str> = <own:str>.replace(<piece>, <filler>)"),
        (2.7, 8, "<own:int> += <int>"),
        (6, 8, "<own:int> = <int>"),
    ],
}
