def größe(länge, 名前="名"):
    # Names are normalised by Python itself: the ligature in `ﬁn` is two letters in the frames.
    ﬁn = länge + "\u2028\x85\x1b[2J\t\n"
    half = "\ud800"
    pair = "\ud83d" + "\ude00"
    face = "😀"
    return 名前


größe("π")
print("ﬁn é")
