/* hash.h -- FNV-1a by numbers (Fowler, Noll and Vo): a hash begins with SH_HASH_START and takes one number after the other. */
#ifndef SH_BASE_HASH_H
#define SH_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/real.h"

#define SH_HASH_START 0xcbf29ce484222325u

SH_BODY uint64_t sh_hash_add(uint64_t hash, uint64_t number)
{
    return (hash ^ number) * 0x100000001b3u;
}

/* The same with high bits mixed into low ones: for tables that look at few of them. */
SH_BODY uint64_t sh_hash_mix(uint64_t hash, uint64_t number)
{
    hash = sh_hash_add(hash, number);
    return hash ^ hash >> 29;
}

/* Byte by byte. */
static inline uint64_t sh_hash_bytes(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *c = (const unsigned char *)data;
    for (size_t i = 0; i < bytes; i++)
        hash = sh_hash_add(hash, c[i]);
    return hash;
}

#endif
