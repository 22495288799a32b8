/*
 * html.h - the report as one HTML file: the page of reports/page/ with a document's records in it.
 *
 * The records go in as base64 of deflated columns (pack.h), so nothing of the traffic is ever
 * markup; the page shows all of it as text. Past LIMIT_PAGE_OCTETS the octets and fields of
 * evidence are left out where there is most of it, and the page says so.
 */
#ifndef ROLECALL_REPORTS_HTML_H
#define ROLECALL_REPORTS_HTML_H

#include "reports/formats.h"

/* The page, in two: what stands before the data and what stands after it. Made at build time by
 * reports/page/build.mjs; empty in a build without it. */
struct page_part {
    const unsigned char *at;
    size_t len;
};
extern const struct page_part page_head, page_tail;

bool html_is_built(void);

#endif
