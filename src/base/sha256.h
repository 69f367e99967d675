/* sha256.h -- SHA-256 (FIPS 180-4), for saying which weights, or files, these are. */
#ifndef SH_BASE_SHA256_H
#define SH_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t h[8];
    uint64_t bytes;
    uint8_t block[64];
} sh_sha256;

void sh_sha256_begin(sh_sha256 *s);
void sh_sha256_add(sh_sha256 *s, const void *data, size_t bytes);
void sh_sha256_end(sh_sha256 *s, char hex[65]);

/* Of the bytes of a file, as sha256sum prints it; false, and "", where it cannot be read. */
bool sh_sha256_file(const char *path, char hex[65]);

#endif
