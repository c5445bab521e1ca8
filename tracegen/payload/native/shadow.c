#include "shadow.h"

enum { INSIDE = 8 }; /* slots that need no memory of their own */

/* A container's shape.  Slots are items, or a dict's keys and values in turn.  `ends` count from the beginning of the
 * node's own text, so that a node may move with its text.  A node may have several owners: whoever changes it takes a
 * copy first. */
struct Node {
    /* In a cache line: what a look at an unchanged one needs. */
    int owners;
    Kind kind;
    Py_ssize_t size;
    PyObject **items;     /* owned where the slot is kept, else an address */
    Node **children;      /* NULL: kept; &SOFT_SLOT: look again; or a shape.  NULL altogether if all are kept */
    PyObject *inside[INSIDE];
    uint32_t inside_ends[INSIDE];
    Py_ssize_t room;
    uint32_t *ends;       /* where each slot's text ends; in the same block as the items */
    uint64_t version;     /* a dict's: every change gives it a new one */
    PyObject **table;     /* a set's keys by their place, 0 where there is none */
    Py_ssize_t places;
};

static Node SOFT_SLOT;

static void node_free(Node *node);

static void slot_release(Node *node, Py_ssize_t at) {
    Node *child = node->children ? node->children[at] : NULL;
    if (child == NULL)
        Py_DECREF(node->items[at]);
    else if (child != &SOFT_SLOT)
        node_free(child);
}

static void node_free(Node *node) {
    if (node == NULL || --node->owners > 0)
        return;
    for (Py_ssize_t i = 0; i < node->size; i++)
        slot_release(node, i);
    if (node->items != node->inside)
        PyMem_RawFree(node->items);
    PyMem_RawFree(node->children);
    PyMem_RawFree(node->table);
    PyMem_RawFree(node);
}

static Node *node_new(Kind kind) {
    Node *node = PyMem_RawMalloc(sizeof *node);
    if (node == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    node->owners = 1;
    node->kind = kind;
    node->size = node->places = 0;
    node->room = INSIDE;
    node->items = node->inside;
    node->ends = node->inside_ends;
    node->children = NULL;
    node->version = 0;
    node->table = NULL;
    return node;
}

/* Arrays for so many slots; what is there stays. */
static int node_reserve(Node *node, Py_ssize_t size) {
    if (size <= node->room)
        return 0;
    Py_ssize_t room = size + size / 4;
    if (node->children != NULL) {
        Node **children = PyMem_RawRealloc(node->children, (size_t)room * sizeof *children);
        if (children == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        node->children = children;
    }
    PyObject **items = PyMem_RawMalloc((size_t)room * (sizeof *node->items + sizeof *node->ends));
    if (items == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    uint32_t *ends = (uint32_t *)(items + room);
    memcpy(items, node->items, (size_t)node->size * sizeof *items);
    memcpy(ends, node->ends, (size_t)node->size * sizeof *ends);
    if (node->items != node->inside)
        PyMem_RawFree(node->items);
    node->items = items;
    node->ends = ends;
    node->room = room;
    return 0;
}

/* Make a node one's own. */
static int node_own(Node **place) {
    Node *shared = *place;
    if (shared->owners == 1)
        return 0;
    Node *node = node_new(shared->kind);
    if (node == NULL)
        return -1;
    if (node_reserve(node, shared->size) < 0) {
        node_free(node);
        return -1;
    }
    if (shared->children != NULL) {
        node->children = PyMem_RawMalloc((size_t)node->room * sizeof *node->children);
        if (node->children == NULL) {
            node_free(node);
            PyErr_NoMemory();
            return -1;
        }
        memcpy(node->children, shared->children, (size_t)shared->size * sizeof *node->children);
    }
    memcpy(node->items, shared->items, (size_t)shared->size * sizeof *node->items);
    memcpy(node->ends, shared->ends, (size_t)shared->size * sizeof *node->ends);
    node->size = shared->size;
    for (Py_ssize_t i = 0; i < node->size; i++) {
        if (node->children == NULL || node->children[i] == NULL)
            Py_INCREF(node->items[i]);
        else if (node->children[i] != &SOFT_SLOT)
            node->children[i]->owners++;
    }
    shared->owners--;
    *place = node; /* without version and table: it is about to change */
    return 0;
}

void shadow_clear(Shadow *shadow) {
    PyObject *kept = shadow->kept;
    Node *node = shadow->node;
    shadow->kept = NULL;
    shadow->node = NULL;
    shadow->impure = shadow->shown = 0;
    shadow->text.size = 0;
    Py_XDECREF(kept);
    node_free(node);
}

void shadow_free(Shadow *shadow) {
    shadow_clear(shadow);
    text_free(&shadow->text);
}

/* Tuples within tuples may share theirs: so many are looked at, and no more. */
enum { LOOKED_AT = 100000 };

/* Whether a value may be kept: FIXED, or a tuple or frozenset of such, all the way down. */
static int is_kept_within(PyObject *value, int depth, int *budget) {
    Kind kind = kind_of(value);
    if (kind == FIXED)
        return 1;
    if (depth >= MAX_NESTING || --*budget < 0)
        return 0;
    if (kind == TUPLE) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++)
            if (!is_kept_within(PyTuple_GET_ITEM(value, i), depth + 1, budget))
                return 0;
        return 1;
    }
    if (kind == FROZENSET) {
        PySetObject *set = (PySetObject *)value;
        for (Py_ssize_t at = 0; at <= set->mask; at++)
            if (set->table[at].key != NULL && set->table[at].hash != -1 &&
                !is_kept_within(set->table[at].key, depth + 1, budget))
                return 0;
        return 1;
    }
    return 0;
}

static int is_kept(PyObject *value, Kind kind, int depth) {
    int budget = LOOKED_AT;
    return kind == FIXED || ((kind == TUPLE || kind == FROZENSET) && is_kept_within(value, depth, &budget));
}

/* ", " or ": " stands before every slot but the first. */
static Py_ssize_t separator_size(Py_ssize_t at) {
    return at == 0 ? 0 : 2;
}

/* Where the text of a slot begins. */
static Py_ssize_t slot_start(const Node *node, Py_ssize_t at) {
    if (at == 0)
        return (Py_ssize_t)strlen(opening_of(node->kind, node->size));
    return (Py_ssize_t)node->ends[at - 1] + separator_size(at);
}

static int node_same(Renderer *r, const Node *node, PyObject *value, const char *text);

/* Whether a slot shows as it did, holding this object now. */
static inline int slot_same(Renderer *r, const Node *node, Py_ssize_t at, PyObject *now, const char *text) {
    if (node->items[at] != now)
        return 0;
    const Node *child = node->children ? node->children[at] : NULL;
    if (child == NULL)
        return 1;
    Py_ssize_t start = slot_start(node, at);
    if (child != &SOFT_SLOT)
        return node_same(r, child, now, text + start);
    if (render_kind(r, now) != SOFT)
        return 0;
    /* Rendered behind what is rendered so far, and taken back. */
    Py_ssize_t size = (Py_ssize_t)node->ends[at] - start, before = r->out.size;
    int same = leaf_put(&r->out, now) == 0 && r->out.size - before == size &&
               memcmp(r->out.data + before, text + start, (size_t)size) == 0;
    r->out.size = before;
    PyErr_Clear(); /* of memory: the slot is rendered again, and says so then */
    return same;
}

/* Tables of small lists are common, and most of their price is the way to memory. */
enum { AHEAD = 8 };

static inline void prefetch(const void *address) {
#if defined(__GNUC__)
    __builtin_prefetch(address);
#else
    (void)address;
#endif
}

/* Whether a node is that of a list of kept items, and the list holds just those. */
static inline int is_same_list(const Node *node, PyObject *now) {
    if (node->kind != LIST || Py_TYPE(now) != &PyList_Type || Py_SIZE(now) != node->size || node->children != NULL)
        return 0;
    PyObject *const *items = ((PyListObject *)now)->ob_item;
    if (node->size > INSIDE)
        return memcmp(node->items, items, (size_t)node->size * sizeof *items) == 0;
    for (Py_ssize_t i = 0; i < node->size; i++)
        if (node->items[i] != items[i])
            return 0;
    return 1;
}

/* Whether what is not kept shows as it did; the slots hold the addresses that the node knows. */
static int children_same(Renderer *r, const Node *node, const char *text) {
    if (node->children == NULL)
        return 1;
    for (Py_ssize_t i = 0; i < node->size; i++) {
        const Node *child = node->children[i];
        if (i + AHEAD < node->size) {
            prefetch(node->children[i + AHEAD]);
            prefetch(node->items[i + AHEAD]);
        }
        if (child != NULL && !is_same_list(child, node->items[i]) && !slot_same(r, node, i, node->items[i], text))
            return 0;
    }
    return 1;
}

static int slots_same(Renderer *r, const Node *node, PyObject *const *now, const char *text) {
    if (node->size && memcmp(node->items, now, (size_t)node->size * sizeof *now) != 0)
        return 0;
    return children_same(r, node, text);
}

static uint64_t version_of(PyObject *dict) {
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif
    /* A split table belongs to an instance too, which may write past the dict. */
    return ((PyDictObject *)dict)->ma_values == NULL ? ((PyDictObject *)dict)->ma_version_tag : 0;
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
}

static int dict_same(Renderer *r, const Node *node, PyObject *value, const char *text) {
    if (2 * ((PyDictObject *)value)->ma_used != node->size)
        return 0;
    uint64_t version = version_of(value);
    if (version != 0 && version == node->version)
        return children_same(r, node, text);
    Py_ssize_t at = 0, i = 0;
    PyObject *key, *item;
    while (i < node->size && PyDict_Next(value, &at, &key, &item)) {
        if (!slot_same(r, node, i, key, text) || !slot_same(r, node, i + 1, item, text))
            return 0;
        i += 2;
    }
    return i == node->size;
}

static int set_same(Renderer *r, const Node *node, PyObject *value, const char *text) {
    PySetObject *set = (PySetObject *)value;
    if (set->used != node->size || set->mask + 1 != node->places)
        return 0;
    uintptr_t differing = 0;
    for (Py_ssize_t at = 0; at < node->places; at++)
        differing |= (uintptr_t)set->table[at].key ^ (uintptr_t)node->table[at];
    return !differing && children_same(r, node, text);
}

/* Whether a value shows the text that a node stands for. */
static int node_same(Renderer *r, const Node *node, PyObject *value, const char *text) {
    if (kind_of(value) != node->kind)
        return 0;
    switch (node->kind) {
    case LIST:
        return PyList_GET_SIZE(value) == node->size && slots_same(r, node, ((PyListObject *)value)->ob_item, text);
    case TUPLE:
        return PyTuple_GET_SIZE(value) == node->size && slots_same(r, node, ((PyTupleObject *)value)->ob_item, text);
    case DICT:
        return dict_same(r, node, value, text);
    default:
        return set_same(r, node, value, text);
    }
}

static Ended node_update(Renderer *r, Node **place, PyObject *value, const char *text);

/* Render a container into a new node. */
static Ended node_make(Renderer *r, Kind kind, PyObject *value, Node **made) {
    Node *node = node_new(kind);
    *made = NULL;
    if (node == NULL)
        return FAILED;
    Ended ended = node_update(r, &node, value, "");
    if (ended == DONE)
        *made = node;
    else
        node_free(node);
    return ended;
}

/* Render a slot, and say what there is to look at next time. */
static Ended slot_render(Renderer *r, PyObject *value, Node **child) {
    Kind kind = render_kind(r, value);
    *child = NULL;
    if (kind == FIXED)
        return render_leaf(r, value);
    if (kind == SOFT) {
        *child = &SOFT_SLOT;
        return render_leaf(r, value);
    }
    if (kind == FOREIGN || render_is_cycle(r, value))
        return IMPURE;
    if (is_kept(value, kind, r->depth))
        return render(r, value);
    return node_make(r, kind, value, child);
}

static int set_child(Node *node, Py_ssize_t at, Node *child) {
    if (node->children == NULL) {
        if (child == NULL)
            return 0;
        node->children = PyMem_RawCalloc((size_t)node->room, sizeof *node->children);
        if (node->children == NULL) {
            if (child != &SOFT_SLOT)
                node_free(child);
            PyErr_NoMemory();
            return -1;
        }
    }
    node->children[at] = child;
    return 0;
}

/* Remember what tells a dict or a set from a changed one. */
static int node_stamp(Node *node, PyObject *value) {
    if (node->kind == DICT)
        node->version = version_of(value);
    if (node->kind != SET && node->kind != FROZENSET)
        return 0;
    PySetObject *set = (PySetObject *)value;
    if (set->mask + 1 != node->places) {
        PyObject **table = PyMem_RawRealloc(node->table, (size_t)(set->mask + 1) * sizeof *table);
        if (table == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        node->table = table;
        node->places = set->mask + 1;
    }
    for (Py_ssize_t at = 0; at < node->places; at++)
        node->table[at] = set->table[at].key;
    return 0;
}

/* Render one slot of the changed middle: as it was, or as its child has become, or from nothing.  What the slot held
 * is released; its arrays hold what is new.  `old` says whether it held anything. */
static Ended middle_slot(Renderer *r, Node *node, Py_ssize_t at, int old, PyObject *now, const char *text,
                         Py_ssize_t start, Py_ssize_t end) {
    Node *child = old && node->children ? node->children[at] : NULL;
    if (old && node->items[at] == now && child == NULL)
        return render_put(r, text + start, end - start);
    if (old && child != NULL && child != &SOFT_SLOT && kind_of(now) == child->kind && !render_is_cycle(r, now)) {
        node->items[at] = now; /* an address: the child's shape is what tells */
        return node_update(r, &node->children[at], now, text + start);
    }
    if (old)
        slot_release(node, at);
    /* A slot that holds nothing is a kept None: whatever happens now, it can be released. */
    node->items[at] = Py_None;
    Py_INCREF(Py_None);
    if (node->children)
        node->children[at] = NULL;
    Ended ended = slot_render(r, now, &child);
    if (ended != DONE)
        return ended;
    if (set_child(node, at, child) < 0)
        return FAILED;
    Py_DECREF(Py_None);
    node->items[at] = now;
    if (child == NULL)
        Py_INCREF(now);
    return DONE;
}

/* Make room in the middle, or close it: `from` slots of the old from `first` on become `to`.  What is superfluous is
 * released; what is new holds None. */
static int middle_resize(Node *node, Py_ssize_t first, Py_ssize_t from, Py_ssize_t to) {
    Py_ssize_t rest = node->size - first - from, target = first + to, source = first + from;
    if (node_reserve(node, node->size - from + to) < 0)
        return -1;
    for (Py_ssize_t i = target; i < source; i++)
        slot_release(node, i);
    if (rest && from != to) {
        memmove(node->items + target, node->items + source, (size_t)rest * sizeof *node->items);
        memmove(node->ends + target, node->ends + source, (size_t)rest * sizeof *node->ends);
        if (node->children)
            memmove(node->children + target, node->children + source, (size_t)rest * sizeof *node->children);
    }
    for (Py_ssize_t i = source; i < target; i++) {
        Py_INCREF(Py_None);
        node->items[i] = Py_None;
        if (node->children)
            node->children[i] = NULL;
    }
    node->size += to - from;
    return 0;
}

enum { RUN = 16 }; /* slots that are compared at once */

/* Append what a value shows, given a node that shows `text`, and make the node show that.  Unless DONE, the node is
 * good for nothing but node_free. */
static Ended node_update(Renderer *r, Node **place, PyObject *value, const char *text) {
    if (node_own(place) < 0)
        return FAILED;
    Node *node = *place;
    PyObject **copied = NULL, **now;
    Py_ssize_t count, old = node->size;
    if (node->kind == LIST || node->kind == TUPLE) {
        now = node->kind == LIST ? ((PyListObject *)value)->ob_item : ((PyTupleObject *)value)->ob_item;
        count = Py_SIZE(value);
    } else {
        if (items_of(node->kind, value, 0, &copied, &count) == FAILED)
            return FAILED;
        now = copied;
    }
    Ended ended = FAILED;
    Py_ssize_t first = 0, rest = 0, least = count < old ? count : old;
    if (node->children == NULL) {
        while (least - first >= RUN && memcmp(node->items + first, now + first, RUN * sizeof *now) == 0)
            first += RUN;
        while (least - first - rest >= RUN &&
               memcmp(node->items + old - rest - RUN, now + count - rest - RUN, RUN * sizeof *now) == 0)
            rest += RUN;
    }
    while (first < least - rest && slot_same(r, node, first, now[first], text))
        first++;
    while (rest < least - first && slot_same(r, node, old - 1 - rest, now[count - 1 - rest], text))
        rest++;
    /* The texts of what stays, before the ends move. */
    Py_ssize_t kept = first ? node->ends[first - 1] : 0;
    Py_ssize_t tail = rest ? slot_start(node, old - rest) : 0;
    Py_ssize_t tail_size = rest ? (Py_ssize_t)node->ends[old - 1] - tail : 0;
    Py_ssize_t at = first ? kept : (Py_ssize_t)strlen(opening_of(node->kind, old)), start = r->out.size;
    Py_ssize_t stay = old - first - rest;
    r->inside[r->depth++] = value;
    if (middle_resize(node, first, stay, count - first - rest) < 0)
        goto done;
    ended = first ? render_put(r, text, kept) : render_puts(r, opening_of(node->kind, count));
    for (Py_ssize_t i = first; i < count - rest && ended == DONE; i++) {
        int there = i < first + stay;
        Py_ssize_t begin = there ? at + separator_size(i) : 0, end = there ? node->ends[i] : 0;
        at = end;
        if (i > 0)
            ended = render_put(r, node->kind == DICT && i % 2 ? ": " : ", ", 2);
        if (ended == DONE)
            ended = middle_slot(r, node, i, there, now[i], text, begin, end);
        node->ends[i] = (uint32_t)(r->out.size - start);
    }
    if (ended == DONE && rest) {
        if (count > rest)
            ended = render_put(r, node->kind == DICT && (count - rest) % 2 ? ": " : ", ", 2);
        Py_ssize_t moved = r->out.size - start - tail;
        if (ended == DONE)
            ended = render_put(r, text + tail, tail_size);
        for (Py_ssize_t i = count - rest; i < count; i++)
            node->ends[i] = (uint32_t)((Py_ssize_t)node->ends[i] + moved);
    }
    if (ended == DONE)
        ended = render_puts(r, closing_of(node->kind, count));
    if (ended == DONE && node_stamp(node, value) < 0)
        ended = FAILED;
done:
    r->depth--;
    PyMem_RawFree(copied);
    return ended;
}

/* Take what is rendered as the text; whether it is another. */
static int adopt(Shadow *shadow, Renderer *r) {
    int changed = !shadow->shown || !text_same(&shadow->text, &r->out);
    shadow->shown = 1;
    if (!changed)
        return 0;
    if (r->out.size > 256 || shadow->text.room < r->out.size) {
        Text before = shadow->text;
        shadow->text = r->out;
        r->out = before;
    } else {
        memcpy(shadow->text.data, r->out.data, (size_t)r->out.size);
        shadow->text.size = r->out.size;
    }
    return 1;
}

int shadow_lend(const Shadow *from, Shadow *to) {
    if (from->node == NULL || text_put(&to->text, from->text.data, from->text.size) < 0)
        return -1;
    to->node = from->node;
    to->node->owners++;
    return 0;
}

/* Begin anew: what is kept of the value before is released, its text stays for the comparison. */
static void drop_shape(Shadow *shadow) {
    PyObject *kept = shadow->kept;
    Node *node = shadow->node;
    shadow->kept = NULL;
    shadow->node = NULL;
    Py_XDECREF(kept);
    node_free(node);
}

int shadow_update(Shadow *shadow, Renderer *r, PyObject *value) {
    if (shadow->kept == value)
        return 0;
    Kind kind = render_kind(r, value);
    r->out.size = 0;
    render_begin(r, 1);
    shadow->address = value;
    if (shadow->node != NULL && shadow->node->kind == kind) {
        if (node_same(r, shadow->node, value, shadow->text.data)) {
            int first = !shadow->shown;
            shadow->shown = 1;
            return first;
        }
        Ended ended = node_update(r, &shadow->node, value, shadow->text.data);
        if (ended == DONE)
            return adopt(shadow, r);
        drop_shape(shadow);
        if (ended == FAILED)
            return -1;
        shadow->impure = 1;
    } else {
        drop_shape(shadow);
    }
    if (is_kept(value, kind, 0)) {
        if (render(r, value) == FAILED)
            return -1;
        Py_INCREF(value);
        shadow->kept = value;
        return adopt(shadow, r);
    }
    if (kind_holds(kind) && !shadow->impure) {
        Ended ended = node_make(r, kind, value, &shadow->node);
        if (ended == DONE)
            return adopt(shadow, r);
        if (ended == FAILED)
            return -1;
        shadow->impure = 1;
    }
    r->out.size = 0;
    render_begin(r, 0);
    Ended ended = render(r, value);
    if (ended == FAILED)
        return -1;
    shadow->impure = kind_holds(kind) && (r->impure || ended == ENOUGH);
    return adopt(shadow, r);
}
