/* A text: UTF-8 bytes that grow, where a lone surrogate is three bytes like any other character.
 *
 * Also the two spellings of a text on the wire (a JSON string, a bare text), and what a cut needs: characters
 * and a checksum.  Knows nothing of Python objects but str, and nothing of values: see leaf.h.
 */
#ifndef FORETRACE_TEXT_H
#define FORETRACE_TEXT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

typedef struct {
    char *data;
    Py_ssize_t size;
    Py_ssize_t room;
} Text;

/* Room for so many more bytes; -1 with MemoryError set. */
int text_grow(Text *text, Py_ssize_t more);
void text_free(Text *text);

static inline int text_reserve(Text *text, Py_ssize_t more) {
    return text->room - text->size >= more ? 0 : text_grow(text, more);
}

/* Append; -1 with MemoryError set. */
static inline int text_put(Text *text, const char *bytes, Py_ssize_t size) {
    if (text_reserve(text, size) < 0)
        return -1;
    if (size > 0)
        memcpy(text->data + text->size, bytes, (size_t)size);
    text->size += size;
    return 0;
}
static inline int text_puts(Text *text, const char *string) {
    return text_put(text, string, (Py_ssize_t)strlen(string));
}
int text_put_number(Text *text, unsigned long long number);
int text_put_character(Text *text, Py_UCS4 character);
/* A str, or an instance of a subclass of it, character by character. */
int text_put_str(Text *text, PyObject *str);
/* A str as JSON's encode_basestring_ascii spells it. */
int text_put_str_quoted(Text *text, PyObject *str);
/* The same of bytes of another text. */
int text_put_quoted(Text *text, const char *bytes, Py_ssize_t size);
/* The text of a return or exception step: bare, or U+FDD0 and a JSON string. */
int text_put_bare(Text *text, const char *bytes, Py_ssize_t size);
/* At most `limit` characters of bytes, with a mark that holds the checksum of all of them (values.py: cut). */
int text_put_cut(Text *text, const char *bytes, Py_ssize_t size, long long limit);

/* Whether all bytes are below 0x80. */
int text_is_ascii(const char *bytes, Py_ssize_t size);
Py_ssize_t text_characters(const char *bytes, Py_ssize_t size);
/* Where the character of this index begins. */
Py_ssize_t text_offset(const char *bytes, Py_ssize_t size, Py_ssize_t character);
/* Cut ` at 0x1f3c` out, from `start` on. */
void text_drop_addresses(Text *text, Py_ssize_t start);
/* Two halves of a surrogate pair, side by side, become the character, from `start` on. */
void text_join_surrogates(Text *text, Py_ssize_t start);

static inline int text_same(const Text *one, const Text *other) {
    return one->size == other->size && memcmp(one->data, other->data, (size_t)one->size) == 0;
}

#endif
