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

/* Number of elements of an array (not of a pointer). */
#define ATTR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif /* BASE_ATTR_H */
