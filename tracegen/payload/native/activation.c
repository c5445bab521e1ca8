#include "activation.h"

enum {
    IDLE_TEXT = 4096, /* an idle activation keeps buffers up to here */
    WORTH = 8,        /* items of a container that is worth looking for among what the caller shows */
};

static int grow(void **array, int *room, int count, size_t each) {
    if (count < *room)
        return 0;
    int more = *room ? 2 * *room : 8;
    void *grown = PyMem_RawRealloc(*array, (size_t)more * each);
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *array = grown;
    *room = more;
    return 0;
}

/* Life. */

Activation *activation_begin(PyObject *tracer, Known *known, int depth, Interval *interval) {
    Activation *activation = (Activation *)known->idle;
    if (activation != NULL) {
        known->idle = (PyObject *)activation->next_idle;
        activation->next_idle = NULL;
    } else {
        activation = PyObject_New(Activation, &ActivationType);
        if (activation == NULL) {
            interval_release(interval);
            return NULL;
        }
        memset((char *)activation + sizeof(PyObject), 0, sizeof *activation - sizeof(PyObject));
        activation->known = known;
    }
    Py_INCREF(tracer);
    activation->tracer = tracer;
    activation->depth = depth;
    activation->interval = interval;
    activation->line = known->line;
    if (activation->room < known->count) {
        activation->variables = PyMem_RawCalloc((size_t)known->count, sizeof *activation->variables);
        if (activation->variables == NULL) {
            PyErr_NoMemory();
            Py_DECREF(activation);
            return NULL;
        }
        activation->count = activation->room = (int)known->count;
    }
    return activation;
}

static void forget(Activation *activation) {
    for (int i = 0; i < activation->count; i++) {
        Variable *variable = &activation->variables[i];
        shadow_clear(&variable->shadow);
        variable->listed = variable->untold = 0;
        if (variable->shadow.text.room > IDLE_TEXT)
            text_free(&variable->shadow.text);
    }
    activation->shown = activation->raised_count = 0;
    interval_release(activation->interval);
    activation->interval = NULL;
    activation->frame = NULL;
    Py_CLEAR(activation->namespace);
    Py_CLEAR(activation->index);
}

void activation_over(Activation *activation) {
    Known *known = activation->known;
    int ordinary = known->names != NULL && !known->generator && Py_REFCNT(activation) == 1;
    if (!ordinary) {
        /* A generator's frame may live on in a traceback, and keeps its activation. */
        if (known->generator)
            forget(activation);
        Py_DECREF(activation);
        return;
    }
    forget(activation);
    activation->next_idle = (Activation *)known->idle;
    known->idle = (PyObject *)activation;
    Py_CLEAR(activation->tracer); /* last: it may be what keeps `known` */
}

static void activation_dealloc(PyObject *self) {
    Activation *activation = (Activation *)self;
    Activation *next = activation->next_idle;
    forget(activation);
    for (int i = 0; i < activation->count; i++) {
        shadow_free(&activation->variables[i].shadow);
        text_free(&activation->variables[i].quoted);
        Py_XDECREF(activation->variables[i].name);
    }
    PyMem_RawFree(activation->variables);
    PyMem_RawFree(activation->order);
    PyMem_RawFree(activation->raised);
    PyMem_RawFree(activation->found);
    PyObject *tracer = activation->tracer;
    PyObject_Free(self);
    Py_XDECREF(tracer);
    Py_XDECREF(next);
}

/* Exceptions. */

int activation_raised_at(const Activation *activation, int lasti) {
    for (int i = 0; i < activation->raised_count; i++)
        if (activation->raised[i] == lasti)
            return 1;
    return 0;
}

int activation_raise(Activation *activation, int lasti) {
    if (activation_raised_at(activation, lasti))
        return 0;
    if (grow((void **)&activation->raised, &activation->raised_room, activation->raised_count, sizeof(int)) < 0)
        return -1;
    activation->raised[activation->raised_count++] = lasti;
    return 0;
}

void activation_reach(Activation *activation, int lasti) {
    /* Handlers stand behind what they guard.  Who is in front of it again may come by once more. */
    int kept = 0;
    for (int i = 0; i < activation->raised_count; i++)
        if (activation->raised[i] < lasti)
            activation->raised[kept++] = activation->raised[i];
    activation->raised_count = kept;
}

/* What the names are bound to now. */

static inline void bind(Variable *variable, PyObject *value) {
    variable->now = value;
    /* A foreign repr may unbind it meanwhile; what the shadow keeps needs no more. */
    variable->owned = value != NULL && value != variable->shadow.kept;
    if (variable->owned)
        Py_INCREF(value);
}

static void unbind_all(Activation *activation) {
    for (int i = 0; i < activation->count; i++) {
        Variable *variable = &activation->variables[i];
        PyObject *now = variable->now;
        variable->now = NULL;
        if (variable->owned) {
            variable->owned = 0;
            Py_DECREF(now);
        }
    }
}

static int is_special(PyObject *name) {
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    return length >= 2 && PyUnicode_READ_CHAR(name, 0) == '_' && PyUnicode_READ_CHAR(name, 1) == '_' &&
           PyUnicode_READ_CHAR(name, length - 1) == '_' && PyUnicode_READ_CHAR(name, length - 2) == '_';
}

/* The variable of a name, which is new perhaps.  `*at` is where it is expected: a dict keeps its order. */
static Variable *variable_of(Activation *activation, PyObject *name, int *at) {
    int found = *at;
    if (found >= activation->count || activation->variables[found].name != name) {
        if (activation->index == NULL && (activation->index = PyDict_New()) == NULL)
            return NULL;
        PyObject *known = PyDict_GetItemWithError(activation->index, name);
        if (known == NULL) {
            if (PyErr_Occurred())
                return NULL;
            found = activation->count;
            if (grow((void **)&activation->variables, &activation->room, found, sizeof(Variable)) < 0)
                return NULL;
            Variable *fresh = &activation->variables[found];
            memset(fresh, 0, sizeof *fresh);
            PyObject *number = PyLong_FromLong(found);
            int done = number == NULL ? -1 : PyDict_SetItem(activation->index, name, number);
            Py_XDECREF(number);
            if (done < 0 || text_put_str_quoted(&fresh->quoted, name) < 0 || text_puts(&fresh->quoted, ": ") < 0) {
                text_free(&fresh->quoted);
                return NULL;
            }
            Py_INCREF(name);
            fresh->name = name;
            activation->count++;
        } else {
            found = (int)PyLong_AsLong(known);
        }
    }
    *at = found + 1;
    return &activation->variables[found];
}

static int bind_in_namespace(Activation *activation, PyObject *name, PyObject *value, int *at) {
    if (!PyUnicode_CheckExact(name) || is_special(name))
        return 0;
    Variable *variable = variable_of(activation, name, at);
    if (variable == NULL)
        return -1;
    if (variable->now == NULL) {
        if (grow((void **)&activation->found, &activation->found_room, activation->found_count, sizeof(int)) < 0)
            return -1;
        activation->found[activation->found_count++] = (int)(variable - activation->variables);
    } else if (variable->owned) {
        Py_DECREF(variable->now); /* a comprehension's name hides it; the namespace holds it still */
    }
    bind(variable, value);
    return 0;
}

/* The names that a comprehension hides while it runs in a module or class body (3.13). */
static int bind_hidden(Activation *activation, PyFrameObject *frame, int *expected) {
    Py_ssize_t at = 0;
    PyObject *name, *value;
    int done = 0;
    while (done == 0 && frame_next_local(frame, &at, &name, &value))
        done = bind_in_namespace(activation, name, value, expected);
    return done;
}

static int bind_namespace(Activation *activation, PyFrameObject *frame) {
    int done = 0, expected = 0, hides = frame_hides_names(frame);
    if (!hides)
        Py_XSETREF(activation->namespace, frame_namespace(frame));
    activation->found_count = 0;
    /* A class body's namespace may be anything that its metaclass made: only a real dict is read. */
    if (activation->namespace != NULL && PyDict_Check(activation->namespace)) {
        Py_ssize_t at = 0;
        PyObject *name, *value;
        while (done == 0 && PyDict_Next(activation->namespace, &at, &name, &value))
            done = bind_in_namespace(activation, name, value, &expected);
    }
    return done == 0 && hides ? bind_hidden(activation, frame, &expected) : done;
}

/* Changes. */

/* The shadow of a name that shows a container which is this object, or NULL. */
static Shadow *shadow_of(const Activation *activation, PyObject *value) {
    for (int i = 0; i < activation->count; i++) {
        Shadow *shadow = &activation->variables[i].shadow;
        if (shadow->address == value && shadow->node != NULL)
            return shadow;
    }
    return NULL;
}

static int is_worth_it(PyObject *value) {
    switch (kind_of(value)) {
    case LIST:
    case TUPLE:
        return Py_SIZE(value) >= WORTH;
    case DICT:
        return ((PyDictObject *)value)->ma_used >= WORTH;
    case SET:
    case FROZENSET:
        return ((PySetObject *)value)->used >= WORTH;
    default:
        return 0;
    }
}

static int show(Activation *activation, const Activation *caller, int at, Renderer *r) {
    Variable *variable = &activation->variables[at];
    if (!variable->shadow.shown && caller != NULL && is_worth_it(variable->now)) {
        const Shadow *lender = shadow_of(caller, variable->now);
        if (lender != NULL && shadow_lend(lender, &variable->shadow) < 0)
            return -1;
    }
    int changed = shadow_update(&variable->shadow, r, variable->now);
    if (changed > 0)
        variable->untold = 1;
    return changed < 0 ? -1 : 0;
}

/* Bring every text up to date.  May run foreign code, which changes nothing here. */
static int show_all(Activation *activation, const Activation *caller, Renderer *r) {
    for (int i = 0; i < activation->shown; i++) {
        int at = activation->order[i];
        if (activation->variables[at].now != NULL && show(activation, caller, at, r) < 0)
            return -1;
    }
    int names = activation->known->names != NULL, candidates = names ? activation->count : activation->found_count;
    for (int i = 0; i < candidates; i++) {
        int at = names ? i : activation->found[i];
        Variable *variable = &activation->variables[at];
        if (variable->listed || variable->now == NULL)
            continue;
        if (grow((void **)&activation->order, &activation->order_room, activation->shown, sizeof(int)) < 0)
            return -1;
        if (show(activation, caller, at, r) < 0)
            return -1;
        variable->listed = 1;
        activation->order[activation->shown++] = at;
    }
    return 0;
}

static int put_value(Text *line, const Text *text, Py_ssize_t characters) {
    if (text->size <= characters)
        return text_put_quoted(line, text->data, text->size);
    Text cut = {0};
    int done = text_put_cut(&cut, text->data, text->size, characters);
    if (done == 0)
        done = text_put_quoted(line, cut.data, cut.size);
    text_free(&cut);
    return done;
}

/* Say what is untold, in the order of showing, and drop what is gone. */
static int tell(Activation *activation, Text *line, Py_ssize_t characters, int everything) {
    int kept = 0, failed = text_put(line, "{", 1);
    for (int i = 0; i < activation->shown; i++) {
        int at = activation->order[i], gone;
        Variable *variable = &activation->variables[at];
        const Text *quoted = activation->known->quoted ? &activation->known->quoted[at] : &variable->quoted;
        gone = variable->now == NULL;
        if (gone ? !everything : everything || variable->untold) {
            if (line->size > 1)
                failed |= text_put(line, ", ", 2);
            failed |= text_put(line, quoted->data, quoted->size);
            failed |= gone ? text_put(line, "null", 4) : put_value(line, &variable->shadow.text, characters);
        }
        variable->untold = 0;
        if (gone) {
            shadow_clear(&variable->shadow);
            variable->listed = 0;
        } else {
            activation->order[kept++] = at;
        }
    }
    activation->shown = kept;
    return failed | text_put(line, "}", 1);
}

int activation_changes(Activation *activation, const Activation *caller, PyFrameObject *frame, Renderer *r, Text *line,
                       Py_ssize_t characters, int everything) {
    Known *known = activation->known;
    int done = 0;
    line->size = 0;
    if (known->names != NULL)
        for (int i = 0; i < activation->count; i++)
            bind(&activation->variables[i], frame_local(frame, &known->places[i]));
    else
        done = bind_namespace(activation, frame);
    if (done == 0)
        done = show_all(activation, caller, r);
    if (done == 0)
        done = tell(activation, line, characters, everything);
    unbind_all(activation);
    return done;
}

const Text *activation_text(Activation *activation, PyObject *value, Renderer *r) {
    if (!is_worth_it(value))
        return NULL;
    for (int i = 0; i < activation->count; i++) {
        Variable *variable = &activation->variables[i];
        if (variable->shadow.address != value || variable->shadow.node == NULL)
            continue;
        int changed = shadow_update(&variable->shadow, r, value);
        if (changed > 0)
            variable->untold = 1;
        return changed < 0 ? NULL : &variable->shadow.text;
    }
    return NULL;
}

static PyObject *activation_call(PyObject *self, PyObject *args, PyObject *kwargs) {
    (void)self, (void)args, (void)kwargs;
    Py_RETURN_NONE;
}

PyTypeObject ActivationType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tracer.Activation",
    .tp_basicsize = sizeof(Activation),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "What is known of a frame.  Callable: another tracer takes it for a local trace function.",
    .tp_dealloc = activation_dealloc,
    .tp_call = activation_call,
};
