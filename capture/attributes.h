/*
 * attributes.h - the compiler attributes in use, by a readable name.
 */
#ifndef ROLECALL_CAPTURE_ATTRIBUTES_H
#define ROLECALL_CAPTURE_ATTRIBUTES_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#endif
