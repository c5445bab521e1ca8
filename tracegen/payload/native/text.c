#include "text.h"

static const char HEX[] = "0123456789abcdef";

int text_grow(Text *text, Py_ssize_t more) {
    if (more > PY_SSIZE_T_MAX / 4 - text->size) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t room = text->room * 2 > 32 ? text->room * 2 : 32;
    if (room < text->size + more)
        room = text->size + more;
    char *data = PyMem_RawRealloc(text->data, (size_t)room);
    if (data == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    text->data = data;
    text->room = room;
    return 0;
}

void text_free(Text *text) {
    PyMem_RawFree(text->data);
    text->data = NULL;
    text->size = text->room = 0;
}

int text_put_number(Text *text, unsigned long long number) {
    char digits[20];
    int at = 20;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return text_put(text, digits + at, 20 - at);
}

static inline char *encoded(char *at, Py_UCS4 c) {
    if (c < 0x80) {
        *at++ = (char)c;
    } else if (c < 0x800) {
        *at++ = (char)(0xc0 | c >> 6);
        *at++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *at++ = (char)(0xe0 | c >> 12);
        *at++ = (char)(0x80 | (c >> 6 & 0x3f));
        *at++ = (char)(0x80 | (c & 0x3f));
    } else {
        *at++ = (char)(0xf0 | c >> 18);
        *at++ = (char)(0x80 | (c >> 12 & 0x3f));
        *at++ = (char)(0x80 | (c >> 6 & 0x3f));
        *at++ = (char)(0x80 | (c & 0x3f));
    }
    return at;
}

/* The character at `at`, which moves on.  The bytes are our own: they are well formed. */
static inline Py_UCS4 decoded(const unsigned char **at) {
    const unsigned char *p = *at;
    Py_UCS4 c = p[0];
    if (c < 0x80) {
        *at = p + 1;
        return c;
    }
    if (c < 0xe0) {
        *at = p + 2;
        return (c & 0x1f) << 6 | (p[1] & 0x3f);
    }
    if (c < 0xf0) {
        *at = p + 3;
        return (c & 0x0f) << 12 | (Py_UCS4)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    }
    *at = p + 4;
    return (c & 0x07) << 18 | (Py_UCS4)(p[1] & 0x3f) << 12 | (Py_UCS4)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
}

int text_put_character(Text *text, Py_UCS4 character) {
    if (text_reserve(text, 4) < 0)
        return -1;
    text->size = encoded(text->data + text->size, character) - text->data;
    return 0;
}

int text_put_str(Text *text, PyObject *str) {
#if PY_VERSION_HEX < 0x030c0000
    if (PyUnicode_READY(str) < 0)
        return -1;
#endif
    Py_ssize_t length = PyUnicode_GET_LENGTH(str);
    if (PyUnicode_IS_ASCII(str))
        return text_put(text, PyUnicode_DATA(str), length);
    if (length > PY_SSIZE_T_MAX / 4 || text_reserve(text, 4 * length) < 0)
        return -1;
    int kind = PyUnicode_KIND(str);
    const void *data = PyUnicode_DATA(str);
    char *at = text->data + text->size;
    for (Py_ssize_t i = 0; i < length; i++)
        at = encoded(at, PyUnicode_READ(kind, data, i));
    text->size = at - text->data;
    return 0;
}

static inline char *escaped_unit(char *at, Py_UCS4 unit) {
    *at++ = '\\';
    *at++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *at++ = HEX[unit >> shift & 0xf];
    return at;
}

/* At most 12 bytes for a character. */
static inline char *escaped(char *at, Py_UCS4 c) {
    char letter = c == '"' || c == '\\' ? (char)c
                : c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c == '\f' ? 'f' : c == '\b' ? 'b' : 0;
    if (letter) {
        *at++ = '\\';
        *at++ = letter;
    } else if (c >= ' ' && c <= '~') {
        *at++ = (char)c;
    } else if (c < 0x10000) {
        at = escaped_unit(at, c);
    } else {
        at = escaped_unit(at, 0xd800 + ((c - 0x10000) >> 10));
        at = escaped_unit(at, 0xdc00 + ((c - 0x10000) & 0x3ff));
    }
    return at;
}

int text_put_str_quoted(Text *text, PyObject *str) {
#if PY_VERSION_HEX < 0x030c0000
    if (PyUnicode_READY(str) < 0)
        return -1;
#endif
    Py_ssize_t length = PyUnicode_GET_LENGTH(str);
    if (length > PY_SSIZE_T_MAX / 16 || text_reserve(text, 12 * length + 2) < 0)
        return -1;
    int kind = PyUnicode_KIND(str);
    const void *data = PyUnicode_DATA(str);
    char *at = text->data + text->size;
    *at++ = '"';
    for (Py_ssize_t i = 0; i < length; i++)
        at = escaped(at, PyUnicode_READ(kind, data, i));
    *at++ = '"';
    text->size = at - text->data;
    return 0;
}

#define EVERY(byte) (0x0101010101010101ull * (byte))

/* Whether none of eight bytes is a quote, a backslash, below the space, or above '~'. */
static inline int plain(uint64_t eight) {
    uint64_t quote = eight ^ EVERY('"'), slash = eight ^ EVERY('\\'), rubout = eight ^ EVERY(0x7f);
    /* (x - 1) & ~x & 0x80 finds a zero byte; above 0x7f the high bit stands already. */
    uint64_t found = (quote - EVERY(1)) | (slash - EVERY(1)) | (rubout - EVERY(1)) | (eight - EVERY(' ')) | eight;
    return (found & EVERY(0x80)) == 0;
}

int text_put_quoted(Text *text, const char *bytes, Py_ssize_t size) {
    /* Six bytes for one at most: a character of three or four bytes takes six or twelve. */
    if (size > PY_SSIZE_T_MAX / 8 || text_reserve(text, 6 * size + 2) < 0)
        return -1;
    const unsigned char *from = (const unsigned char *)bytes, *end = from + size;
    char *at = text->data + text->size;
    *at++ = '"';
    while (from < end) {
        while (end - from >= 8) {
            uint64_t eight;
            memcpy(&eight, from, 8);
            if (!plain(eight))
                break;
            memcpy(at, &eight, 8);
            from += 8;
            at += 8;
        }
        const unsigned char *stop = end - from > 8 ? from + 8 : end;
        while (from < stop)
            at = escaped(at, decoded(&from));
    }
    *at++ = '"';
    text->size = at - text->data;
    return 0;
}

static int holds_surrogates(const char *bytes, Py_ssize_t size) {
    const unsigned char *at = (const unsigned char *)bytes, *end = at + size;
    while (at < end && (at = memchr(at, 0xed, (size_t)(end - at))) != NULL) {
        if (at[1] >= 0xa0)
            return 1;
        at += 3;
    }
    return 0;
}

int text_put_bare(Text *text, const char *bytes, Py_ssize_t size) {
    static const char RAW[] = "\xef\xb7\x90"; /* U+FDD0 */
    int raw = (size >= 3 && memcmp(bytes, RAW, 3) == 0) || holds_surrogates(bytes, size);
    if (!raw)
        return text_put(text, bytes, size);
    return text_put(text, RAW, 3) < 0 ? -1 : text_put_quoted(text, bytes, size);
}

int text_is_ascii(const char *bytes, Py_ssize_t size) {
    unsigned char all = 0;
    for (Py_ssize_t i = 0; i < size; i++)
        all |= (unsigned char)bytes[i];
    return all < 0x80;
}

Py_ssize_t text_characters(const char *bytes, Py_ssize_t size) {
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < size; i++)
        count += ((unsigned char)bytes[i] & 0xc0) != 0x80;
    return count;
}

Py_ssize_t text_offset(const char *bytes, Py_ssize_t size, Py_ssize_t character) {
    for (Py_ssize_t i = 0; i < size; i++)
        if (((unsigned char)bytes[i] & 0xc0) != 0x80 && character-- == 0)
            return i;
    return size;
}

/* CRC-32 as zlib computes it, four bits at a time: 16 words of table, and a cut is rare. */
static uint32_t crc32_of(const char *bytes, Py_ssize_t size) {
    static const uint32_t TABLE[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;
    for (Py_ssize_t i = 0; i < size; i++) {
        crc ^= (unsigned char)bytes[i];
        crc = crc >> 4 ^ TABLE[crc & 0xf];
        crc = crc >> 4 ^ TABLE[crc & 0xf];
    }
    return ~crc;
}

int text_put_cut(Text *text, const char *bytes, Py_ssize_t size, long long limit) {
    Py_ssize_t characters = size <= limit ? size : text_characters(bytes, size);
    if (characters <= limit)
        return text_put(text, bytes, size);
    char mark[80];
    int length = snprintf(mark, sizeof mark, "...<cut: %lld characters, crc32 %08lx>", (long long)characters,
                          (unsigned long)crc32_of(bytes, size));
    return text_put(text, bytes, text_offset(bytes, size, (Py_ssize_t)limit)) < 0 ? -1 : text_put(text, mark, length);
}

static int is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

void text_drop_addresses(Text *text, Py_ssize_t start) {
    static const char MARK[] = " at 0x";
    char *to = text->data + start, *from = to, *end = text->data + text->size;
    char *zero = from;
    while ((zero = memchr(zero, '0', (size_t)(end - zero))) != NULL && (end - zero < 2 || zero[1] != 'x'))
        zero++;
    if (zero == NULL) /* mostly there is none */
        return;
    while (from < end) {
        char *space = memchr(from, ' ', (size_t)(end - from));
        char *stop = space ? space : end;
        memmove(to, from, (size_t)(stop - from));
        to += stop - from;
        from = stop;
        if (from == end)
            break;
        if (end - from > 6 && memcmp(from, MARK, 6) == 0 && is_hex(from[6])) {
            from += 6;
            while (from < end && is_hex(*from))
                from++;
        } else {
            *to++ = *from++;
        }
    }
    text->size = to - text->data;
}

void text_join_surrogates(Text *text, Py_ssize_t start) {
    if (!holds_surrogates(text->data + start, text->size - start))
        return;
    char *to = text->data + start;
    const unsigned char *from = (const unsigned char *)to, *end = (const unsigned char *)text->data + text->size;
    while (from < end) {
        Py_UCS4 c = decoded(&from);
        if (c >= 0xd800 && c < 0xdc00 && end - from >= 3) {
            const unsigned char *next = from;
            Py_UCS4 low = decoded(&next);
            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                from = next;
            }
        }
        to = encoded(to, c);
    }
    text->size = to - text->data;
}
