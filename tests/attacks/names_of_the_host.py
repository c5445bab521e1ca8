"""Whether a file or a process of the host exists, without reading it."""


def attack(told, tries):
    tries.to("a file", lambda: os.stat(told["canary"]).st_size > 0)
    tries.to("a process", lambda: os.getsid(told["victim"]) > 0)
