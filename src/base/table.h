#ifndef BASE_TABLE_H
#define BASE_TABLE_H

/*
 * table.h - constant tables with one entry per byte value.
 *
 * Text is written through such tables: what a byte becomes is looked up, not
 * decided.  An entry is one constant expression of its index, so the compiler
 * lays the table out and no thread ever fills one in.
 */

#define TABLE_4(X, b) X((b)), X((b) + 1), X((b) + 2), X((b) + 3)
#define TABLE_16(X, b)                                                         \
	TABLE_4(X, (b)), TABLE_4(X, (b) + 4), TABLE_4(X, (b) + 8),             \
	    TABLE_4(X, (b) + 12)
#define TABLE_64(X, b)                                                         \
	TABLE_16(X, (b)), TABLE_16(X, (b) + 16), TABLE_16(X, (b) + 32),        \
	    TABLE_16(X, (b) + 48)

/* X(0), X(1), ... X(255) */
#define TABLE_256(X)                                                           \
	TABLE_64(X, 0), TABLE_64(X, 64), TABLE_64(X, 128), TABLE_64(X, 192)

/* The hexadecimal digit of a value from 0 to 15. */
#define TABLE_DIGIT(n) ((n) < 10 ? '0' + (n) : 'a' + (n)-10)

/* Printable ASCII, the space included. */
#define TABLE_IS_PRINT(b) ((b) >= 0x20 && (b) < 0x7f)

#endif /* BASE_TABLE_H */
