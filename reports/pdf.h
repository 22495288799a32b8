/*
 * pdf.h - the report on paper: the HTML page, laid out by a Chromium or Chrome that is installed.
 *
 * The browser is run without a window, with a profile of its own that is removed afterwards, on a
 * file that forbids it the network. As root it runs without its own sandbox, which it refuses root.
 */
#ifndef ROLECALL_REPORTS_PDF_H
#define ROLECALL_REPORTS_PDF_H

/* The browser's name, as it is found in PATH; NULL: there is none. */
const char *pdf_browser(void);

#endif
