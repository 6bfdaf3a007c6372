/* memcpy, memmove, memset, memcmp and bcmp of the C standard (bcmp: POSIX.1-2001) for x86_64.
 *
 * Few of the copies that are made here are longer than a line of a log. So the length decides at once between some moves
 * of a fixed size, of which the last overlaps the one before it; only what is longer is copied in a loop. All that a step
 * reads it reads before it writes, so that source and destination may overlap.
 *
 *  bytes      is copied as
 *  0          nothing
 *  1-3        first, middle and last byte
 *  4-7, 8-16  two words
 *  17-32      two blocks
 *  33-64      four blocks
 *  65-128     eight blocks
 *  129-       four blocks a step, from the end where the destination lies inside the source
 *  1024-      a string instruction, unless the two overlap: what its start costs does not count any more
 */

#include <stddef.h>
#include <stdint.h>

typedef unsigned char byte;
/* Loads and stores of these need no alignment and may alias anything. */
typedef uint32_t half __attribute__((aligned(1), may_alias));
typedef uint64_t word __attribute__((aligned(1), may_alias));
typedef byte block __attribute__((vector_size(16), aligned(1), may_alias));

enum { BLOCK = sizeof(block), STEP = 4 * BLOCK, LONG = 1024 };

struct step { block a, b, c, d; };

static inline block load(const byte *from)
{
    return *(const block *)from;
}

static inline void store(byte *to, block value)
{
    *(block *)to = value;
}

static inline struct step load_step(const byte *from)
{
    return (struct step){load(from), load(from + BLOCK), load(from + 2 * BLOCK), load(from + 3 * BLOCK)};
}

static inline void store_step(byte *to, struct step step)
{
    store(to, step.a);
    store(to + BLOCK, step.b);
    store(to + 2 * BLOCK, step.c);
    store(to + 3 * BLOCK, step.d);
}

static inline void copy_short(byte *to, const byte *from, size_t count)
{
    if (count >= 8) {
        word first = *(const word *)from, last = *(const word *)(from + count - 8);
        *(word *)to = first;
        *(word *)(to + count - 8) = last;
    } else if (count >= 4) {
        half first = *(const half *)from, last = *(const half *)(from + count - 4);
        *(half *)to = first;
        *(half *)(to + count - 4) = last;
    } else if (count > 0) {
        byte first = from[0], middle = from[count / 2], last = from[count - 1];
        to[0] = first;
        to[count / 2] = middle;
        to[count - 1] = last;
    }
}

static inline void copy_string(byte *to, const byte *from, size_t count)
{
    word last = *(const word *)(from + count - 8);
    byte *end = to + count - 8;
    size_t words = count / 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    *(word *)end = last;
}

static inline void copy_long(byte *to, const byte *from, size_t count)
{
    if (count >= LONG && (uintptr_t)to - (uintptr_t)from >= count && (uintptr_t)from - (uintptr_t)to >= count) {
        copy_string(to, from, count);
    } else if ((uintptr_t)to - (uintptr_t)from >= count) {
        struct step last = load_step(from + count - STEP);
        size_t at = 0;
        do {
            store_step(to + at, load_step(from + at));
            at += STEP;
        } while (at < count - STEP);
        store_step(to + count - STEP, last);
    } else {
        struct step first = load_step(from);
        size_t left = count;
        do {
            left -= STEP;
            store_step(to + left, load_step(from + left));
        } while (left > STEP);
        store_step(to, first);
    }
}

void *memmove(void *destination, const void *source, size_t count)
{
    byte *to = destination;
    const byte *from = source;
    if (count <= BLOCK) {
        copy_short(to, from, count);
    } else if (count <= 2 * BLOCK) {
        block first = load(from), last = load(from + count - BLOCK);
        store(to, first);
        store(to + count - BLOCK, last);
    } else if (count <= STEP) {
        block a = load(from), b = load(from + BLOCK);
        block c = load(from + count - 2 * BLOCK), d = load(from + count - BLOCK);
        store(to, a);
        store(to + BLOCK, b);
        store(to + count - 2 * BLOCK, c);
        store(to + count - BLOCK, d);
    } else if (count <= 2 * STEP) {
        struct step first = load_step(from), last = load_step(from + count - STEP);
        store_step(to, first);
        store_step(to + count - STEP, last);
    } else {
        copy_long(to, from, count);
    }
    return destination;
}

void *memcpy(void *restrict destination, const void *restrict source, size_t count)
    __attribute__((alias("memmove")));

void *memset(void *destination, int value, size_t count)
{
    byte *to = destination;
    word eight = 0x0101010101010101 * (uint64_t)(byte)value;
    if (count < BLOCK) {
        if (count >= 8) {
            *(word *)to = eight;
            *(word *)(to + count - 8) = eight;
        } else if (count >= 4) {
            *(half *)to = (uint32_t)eight;
            *(half *)(to + count - 4) = (uint32_t)eight;
        } else if (count > 0) {
            to[0] = to[count / 2] = to[count - 1] = (byte)value;
        }
        return destination;
    }
    block all = (block){0} + (byte)value;
    for (size_t at = 0; at < count - BLOCK; at += BLOCK)
        store(to + at, all);
    store(to + count - BLOCK, all);
    return destination;
}

/* The sign of what two words of text differ by, their first byte counting most. */
static inline int order(uint64_t one, uint64_t other)
{
    one = __builtin_bswap64(one);
    other = __builtin_bswap64(other);
    return one < other ? -1 : one > other;
}

/* As a word: the first and the last bytes of a text of 1 to 7, in this order. */
static inline uint64_t short_text(const byte *text, size_t count)
{
    if (count >= 4)
        return *(const half *)text | (uint64_t)*(const half *)(text + count - 4) << 32;
    return text[0] | (uint64_t)text[count / 2] << 8 | (uint64_t)text[count - 1] << 16;
}

int memcmp(const void *one, const void *other, size_t count)
{
    const byte *ones = one, *others = other;
    if (count < 8)
        return count ? order(short_text(ones, count), short_text(others, count)) : 0;
    for (size_t at = 0; at < count - 8; at += 8) {
        uint64_t a = *(const word *)(ones + at), b = *(const word *)(others + at);
        if (a != b)
            return order(a, b);
    }
    return order(*(const word *)(ones + count - 8), *(const word *)(others + count - 8));
}

int bcmp(const void *one, const void *other, size_t count) __attribute__((alias("memcmp")));
