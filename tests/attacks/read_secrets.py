"""Files of the machine and of its users."""


def attack(told, tries):
    for path in ("/etc/shadow", "/etc/gshadow", "/etc/hostname", "/proc/kcore", told["canary"]):
        tries.to(path, read, path)
    for path in ("/root", "/home", "/etc/ssl/private", "/var/log", "/boot", "/sys", told["home"]):
        tries.to(path, lambda path: os.listdir(path) is not None, path)
