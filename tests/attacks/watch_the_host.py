"""Hears which files of the host are used, by name."""


def attack(told, tries):
    def watch():
        number = system_call((294, 26), 0)
        return system_call((254, 27), number, told["home"].encode("utf-8"), 0xFFF) >= 0

    tries.to("inotify", watch)
    tries.to("fanotify", lambda: system_call((300, 262), 0, 0) >= 0)
