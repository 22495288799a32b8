/*
 * source_filter.h - a BPF expression, compiled once for each link type that turns up.
 *
 * Owner:  filter_free; the expression is copied.
 * Errors: filter_check answers -EINVAL and one line when the expression cannot be compiled.
 */
#ifndef ROLECALL_CAPTURE_SOURCE_FILTER_H
#define ROLECALL_CAPTURE_SOURCE_FILTER_H

#include "capture/source.h"

struct filter;

struct filter *filter_new(const char *expression) MUST_USE;
/* Compiles for `link_type` now, so that a mistake shows before the first packet. */
int filter_check(struct filter *f, uint32_t link_type, char error[SOURCE_ERROR]) MUST_USE;
/* False also where the expression makes no sense for the packet's link type. */
bool filter_passes(struct filter *f, const struct packet *packet);
struct filter *filter_free(struct filter *f); /* NULL is fine; returns NULL */

#endif
