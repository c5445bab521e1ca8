/* The extension module: its types, a way to run a script, and a function for the tests.  Its constants and types are shared, and never
 * change; everything else belongs to an object. */
#include "tracer.h"

/* text(value, policy): what values.py's Values would say, for a policy that runs no foreign code. */
static PyObject *text(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *value;
    const char *policy;
    if (!PyArg_ParseTuple(args, "Os", &value, &policy))
        return NULL;
    if (strcmp(policy, "safe") != 0 && strcmp(policy, "fields") != 0) {
        PyErr_SetString(PyExc_ValueError, "text() takes safe or fields");
        return NULL;
    }
    Renderer *r = PyMem_RawCalloc(1, sizeof *r);
    if (r == NULL)
        return PyErr_NoMemory();
    r->policy = strcmp(policy, "safe") == 0 ? POLICY_SAFE : POLICY_FIELDS;
    render_begin(r, 0);
    PyObject *shown = NULL;
    if (render(r, value) != FAILED)
        shown = PyUnicode_DecodeUTF8(r->out.data, r->out.size, "surrogatepass");
    text_free(&r->out);
    PyMem_RawFree(r);
    return shown;
}

/* execute(code, globals): like exec, but the program has the whole of the recursion limit. */
static PyObject *execute_code(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *code, *globals;
    if (!PyArg_ParseTuple(args, "O!O!", &PyCode_Type, &code, &PyDict_Type, &globals))
        return NULL;
    return run_as_script(code, globals);
}

static PyMethodDef FUNCTIONS[] = {
    {"execute", execute_code, METH_VARARGS, "execute(code, globals): a module's code, at the depth of a script."},
    {"text", text, METH_VARARGS, "text(value, policy): the value under the policy safe or fields."},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module) {
    PyTypeObject *types[] = {&WriterType, &RecorderType, &TracerType, &ThreadType, &ActivationType};
    static const char *const NAMES[] = {"Writer", "Recorder", "Tracer", "Thread", "Activation"};
    if (leaf_prepare() < 0)
        return -1;
    for (int i = 0; i < 5; i++) {
        if (PyType_Ready(types[i]) < 0)
            return -1;
        Py_INCREF(types[i]);
        if (PyModule_AddObject(module, NAMES[i], (PyObject *)types[i]) < 0)
            return -1;
    }
    return 0;
}

static PyModuleDef_Slot SLOTS[] = {{Py_mod_exec, (void *)execute}, {0, NULL}};

static PyModuleDef DEFINITION = {
    PyModuleDef_HEAD_INIT,
    .m_name = "tracer",
    .m_doc = "The tracer in C: writes the bytes that reference.py writes.",
    .m_methods = FUNCTIONS,
    .m_slots = SLOTS,
};

#if defined(__GNUC__)
__attribute__((visibility("default"))) /* 3.8 does not say so itself */
#endif
PyMODINIT_FUNC PyInit_tracer(void) {
    return PyModuleDef_Init(&DEFINITION);
}
