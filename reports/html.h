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

/* The page: what stands before its policy for the browser (CSP), that policy, what stands between
 * it and the data, and what stands after them. Made at build time by reports/page/build.mjs; empty
 * in a build without it. */
struct page_part {
    const unsigned char *at;
    size_t len;
};
extern const struct page_part page_head, page_body, page_tail;
extern const char page_policy[];

bool html_is_built(void);

/* A page that rolecall itself serves: it may ask where it comes from, and nobody else, for what is
 * new. That is added to page_policy. */
#define PAGE_LIVE_POLICY "; connect-src 'self'"
struct html_live {
    const char *run;     /* names this run of rolecall: numbers of events are of it */
    uint64_t event;      /* the last one that the data tells of */
    struct output *data; /* gets the data alone: what a page that is open fetches anew */
};
void render_html_live(struct output *page, const struct document *d, const struct html_live *live);

#endif
