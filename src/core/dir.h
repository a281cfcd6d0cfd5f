#ifndef CORE_DIR_H
#define CORE_DIR_H

/** enum dir - Direction of a byte, named after its sender. */
enum dir {
	DIR_CLIENT, /* sent by the side that opened the connection: c2s */
	DIR_SERVER, /* sent by the side that accepted it: s2c */
};
#define DIR_NDIRS (DIR_SERVER + 1)

/** dir_other() - The opposite direction. */
static inline enum dir
dir_other(enum dir d)
{
	return d == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT;
}

/** dir_name() - "c2s" or "s2c", as records and options spell it. */
const char *dir_name(enum dir d);

#endif /* CORE_DIR_H */
