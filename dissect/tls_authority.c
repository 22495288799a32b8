/* Certificates of authorities, in files that the user names. */
#include "dissect/tls_authority.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "capture/limits.h"
#include "dissect/tls_cert.h"

/* A regular file of a size that such files have: no device, and nothing that waits. */
static FILE *open_regular(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool fine =
        fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= LIMIT_AUTHORITY_FILE;
    FILE *f = fine ? fdopen(fd, "r") : NULL;
    if (f == NULL && fd >= 0) {
        (void)close(fd);
    }
    return f;
}

static bool tell(struct certificates *cache, X509 *x, void (*each)(void *user, const char *subject),
                 void *user)
{
    uint8_t *der = NULL;
    int len = i2d_X509(x, &der);
    const struct certificate *c =
        len <= 0 ? NULL : certificates_read(cache, bytes_of(der, (size_t)len));
    if (c != NULL) {
        each(user, c->subject);
    }
    OPENSSL_free(der);
    return c != NULL;
}

unsigned authority_subjects(const char *path, void (*each)(void *user, const char *subject),
                            void *user)
{
    struct certificates *cache = certificates_new();
    FILE *f = cache == NULL ? NULL : open_regular(path);
    unsigned count = 0;
    for (unsigned i = 0; f != NULL && i < LIMIT_AUTHORITIES; i++) {
        X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
        if (x == NULL) {
            break;
        }
        count += tell(cache, x, each, user);
        X509_free(x);
    }
    ERR_clear_error();
    if (f != NULL) {
        (void)fclose(f);
    }
    certificates_free(cache);
    return count;
}
