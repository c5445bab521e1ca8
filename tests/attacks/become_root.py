"""Programs that give the rights of root, and asking for them."""

import subprocess


def attack(told, tries):
    tries.to("setuid", in_child, lambda: os.setuid(0) is None)
    tries.to("setresuid", in_child, lambda: os.setresuid(0, 0, 0) is None)
    tries.to("setgid", in_child, lambda: os.setgid(0) is None)
    tries.to("setgroups", in_child, lambda: os.setgroups([0]) is None)
    libc = ctypes.CDLL(None)
    tries.to("setuid programs count", lambda: libc.prctl(39, 0, 0, 0, 0) == 0)
    for argv in (["su", "-c", "id -u"], ["sudo", "-n", "id", "-u"], ["pkexec", "id", "-u"]):
        try:
            said = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout
        except OSError:
            said = b""
        tries.to(argv[0], lambda said: said.strip() == b"0", said)
