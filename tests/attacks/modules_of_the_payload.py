"""Changes the payload's modules, and what is imported from where."""

import types


def attack(told, tries):
    for name, module in list(sys.modules.items()):
        if name.startswith("_foretrace_payload."):
            for each, value in list(vars(module).items()):
                if isinstance(value, types.FunctionType):
                    setattr(module, each, lambda *_, **__: None)
    sys.path[:] = ["/nowhere"]
    sys.meta_path.clear()
    sys.path_hooks.clear()
    os.environ.update(PYTHONSTARTUP="/nowhere", PYTHONPATH="/nowhere", LD_PRELOAD="/nowhere", PATH="/nowhere")
    os.umask(0)
    tries.did("modules")
