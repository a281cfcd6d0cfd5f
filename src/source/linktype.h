#ifndef SOURCE_LINKTYPE_H
#define SOURCE_LINKTYPE_H

#include <stdint.h>

/*
 * linktype.h - what packets begin with: files say it in LINKTYPE_ values, the
 * same everywhere; libpcap in DLT_ values, some of which differ from system
 * to system.
 */

/** linktype_of_dlt() - The LINKTYPE_ value for what libpcap calls @dlt. */
uint16_t linktype_of_dlt(int dlt);

/** linktype_to_dlt() - What libpcap here calls the LINKTYPE_ value. */
int linktype_to_dlt(uint16_t linktype);

#endif /* SOURCE_LINKTYPE_H */
