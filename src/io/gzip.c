#include "io/gzip.h"

#include <string.h>
#include <zlib.h>

#include "base/memory.h"

static const size_t max_text_bytes = 1 << 30;

static sh_status inflate_all(const char *path, const char *data, size_t size, char **text, size_t *length)
{
    z_stream z = {0};
    size_t room = 4 * size + 4096, used = 0;
    if (inflateInit2(&z, 15 + 16) != Z_OK) return SH_FAIL(SH_ELIB, "%s: zlib does not start", path);
    char *buffer = sh_alloc(room + 1);
    z.next_in = (Bytef *)(uintptr_t)data;
    size_t left = size;
    int code = Z_OK;
    while (code == Z_OK || (code == Z_STREAM_END && left)) {
        if (code == Z_STREAM_END) inflateReset(&z); /* another member */
        if (used == room) {
            if (room >= max_text_bytes) break;
            room = 2 * room < max_text_bytes ? 2 * room : max_text_bytes;
            buffer = sh_realloc(buffer, room + 1);
        }
        uInt in = left < 1 << 28 ? (uInt)left : 1 << 28, out = room - used < 1 << 28 ? (uInt)(room - used) : 1 << 28;
        z.avail_in = in;
        z.avail_out = out;
        z.next_out = (Bytef *)(buffer + used);
        code = inflate(&z, Z_NO_FLUSH);
        left -= in - z.avail_in;
        used += out - z.avail_out;
        if (code == Z_BUF_ERROR && out == 0) code = Z_OK;
    }
    inflateEnd(&z);
    if (code == Z_STREAM_END) {
        buffer[used] = '\0';
        *text = buffer;
        *length = used;
        return SH_OK;
    }
    sh_free(buffer);
    if (code == Z_OK) {
        SH_FAIL(SH_EINPUT, "%s: holds more than 1 GiB of text", path);
        return sh_error_hint(SH_EINPUT, "split it");
    }
    SH_FAIL(SH_EINPUT, "%s: damaged, or cut off: gzip ends after %zu bytes of text", path, used);
    return sh_error_hint(SH_EINPUT, "fetch or copy the file again; gzip -t tells whether it is whole");
}

sh_status sh_gzip_read(const char *path, char **text, size_t *size)
{
    SH_TRY(sh_text_read(path, text, size));
    if (*size < 2 || memcmp(*text, "\x1f\x8b", 2)) return SH_OK;
    char *data = *text;
    size_t compressed = *size;
    *text = NULL;
    *size = 0;
    sh_status status = inflate_all(path, data, compressed, text, size);
    sh_free(data);
    return status;
}
