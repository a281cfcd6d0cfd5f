#ifndef BASE_ATTR_H
#define BASE_ATTR_H

/*
 * attr.h - function attributes that gcc and clang both know.
 */

/* The result must be looked at, or cast to void with the reason why not. */
#define ATTR_WUNRES __attribute__((warn_unused_result))

/* Argument @fmt is a printf format, its values start at argument @args. */
#define ATTR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* The structure around a member: @ptr points to @member inside a @type. */
#define ATTR_CONTAINER(ptr, type, member)                                      \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* The same for what may only be read. */
#define ATTR_CONST_CONTAINER(ptr, type, member)                                \
	((const type *)(const void *)((const char *)(ptr)-offsetof(            \
	    type, member)))

/* Number of elements of an array (not of a pointer). */
#define ATTR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * ATTR_SANITIZED - 1: built with a sanitizer, which has needs of its own: it
 * traces the process at its end, and reads and writes files of its own
 */
#if defined(__has_feature)
#define ATTR_FEATURE(x) __has_feature(x)
#else
#define ATTR_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    ATTR_FEATURE(address_sanitizer) || ATTR_FEATURE(thread_sanitizer)
#define ATTR_SANITIZED 1
#else
#define ATTR_SANITIZED 0
#endif

#endif /* BASE_ATTR_H */
