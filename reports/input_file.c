#include "reports/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/limits.h"

static bool read_head(int fd, struct input_file *ret)
{
    uint8_t head[LIMIT_FILE_HEAD], digest[32];
    size_t len = 0;
    ssize_t got = 0;
    while (len < sizeof head && (got = pread(fd, head + len, sizeof head - len, (off_t)len)) > 0) {
        len += (size_t)got;
    }
    if (got < 0 || EVP_Digest(head, len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof digest; i++) {
        (void)snprintf(ret->head_sha256 + 2 * i, 3, "%02x", digest[i]);
    }
    return true;
}

bool input_file_look(const char *path, struct input_file *ret)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return false;
    }
    errno = 0;
    int fd = S_ISREG(st.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return false;
    }
    ret->octets = (uint64_t)st.st_size;
    bool read = read_head(fd, ret);
    (void)close(fd);
    return read;
}
