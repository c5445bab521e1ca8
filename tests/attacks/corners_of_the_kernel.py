"""System calls that a traced program has no use for: whether the kernel as much as looks at what they are given."""

CALLS = {
    "io_uring_setup": ((425, 425), (1, 0)),
    "io_setup": ((206, 0), (1, 0)),
    "bpf": ((321, 280), (99, 0, 0)),
    "perf_event_open": ((298, 241), (0, 0, -1, -1, 0)),
    "userfaultfd": ((323, 282), (0x7FFFF000,)),
    "keyctl": ((250, 219), (0, -3, 0)),
    "add_key": ((248, 217), (0, 0, 0, 0, -3)),
    "request_key": ((249, 218), (0, 0, 0, 0)),
    "open_by_handle_at": ((304, 265), (-100, 0, 0)),
    "name_to_handle_at": ((303, 264), (-100, 0, 0, 0, 0)),
    "memfd_secret": ((447, 447), (0,)),
    "memfd_create": ((319, 279), (b"attack", 0)),
    "mq_open": ((240, 180), (0, 0, 0, 0)),
    "shmget": ((29, 194), (0, 0, 0)),
    "semget": ((64, 190), (0, -1, 0)),
    "msgget": ((68, 186), (1234567, 0)),
    "personality": ((135, 92), (0xFFFFFFFF,)),
    "modify_ldt": ((154, None), (9, 0, 0)),
    "iopl": ((172, None), (9,)),
    "syslog": ((103, 116), (10, 0, 0)),
    "kexec_load": ((246, 104), (0, 99, 0, 0)),
    "reboot": ((169, 142), (1, 2, 3, 0)),
    "swapon": ((167, 224), (b"/nowhere/at/all", 0)),
    "init_module": ((175, 105), (0, 0, 0)),
    "delete_module": ((176, 106), (b"nothing", 0)),
    "quotactl": ((179, 60), (0, 0, 0, 0)),
    "acct": ((163, 89), (b"/nowhere/at/all",)),
    "sethostname": ((170, 161), (0, -1)),
    "settimeofday": ((164, 170), (0, 0)),
    "move_pages": ((279, 239), (0, 0, 0, 0, 0, 99)),
    "a call younger than the table": ((467, 467), (-1, 0, 0, 0, 0)),
    "a call of x32": ((0x40000000 + 39, None), ()),
}


def attack(told, tries):
    for name, (numbers, args) in CALLS.items():
        tries.to(name, lambda numbers, args: reached(system_call, numbers, *args) or None, numbers, args)
