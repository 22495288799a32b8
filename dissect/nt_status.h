/*
 * nt_status.h - names of NT status codes.
 *
 * Spec: [MS-ERREF] 2.3.1; the rows are in nt_status.def.
 */
#ifndef ROLECALL_DISSECT_NT_STATUS_H
#define ROLECALL_DISSECT_NT_STATUS_H

#include <stdint.h>

/* The codes that the dissectors act on. */
#define NT_STATUS_SUCCESS 0x00000000u
#define NT_STATUS_PENDING 0x00000103u
#define NT_STATUS_BUFFER_OVERFLOW 0x80000005u
#define NT_STATUS_MORE_PROCESSING_REQUIRED 0xc0000016u

/* NULL when the code has no row. */
const char *nt_status_name(uint32_t code);

#endif
