#include "dissect/nt_status.h"

#include <stddef.h>

static const struct {
    uint32_t code;
    const char *name;
} rows[] = {
#define NT_STATUS(code, name) {code, #name},
#include "dissect/nt_status.def"
#undef NT_STATUS
};

const char *nt_status_name(uint32_t code)
{
    size_t low = 0;
    size_t high = sizeof rows / sizeof rows[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].code == code) {
            return rows[middle].name;
        }
        if (rows[middle].code < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
