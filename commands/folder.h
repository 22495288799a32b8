/*
 * folder.h - the folder of a report: what `rolecall audit --report` and `rolecall report --report`
 * write there, and which formats there are.
 *
 * Errors are printed where they are met, as in command.h.
 */
#ifndef ROLECALL_COMMANDS_FOLDER_H
#define ROLECALL_COMMANDS_FOLDER_H

#include "commands/command.h"
#include "reports/evidence.h"
#include "reports/formats.h"

/* Before hours of work, not after: that --format and --formats name formats, which can be made
 * here.
 */
int check_formats(const struct command *c, const struct options *o);
/* Whether --report writes it: a format, or FORMAT_EVIDENCE. */
bool folder_has(const struct options *o, const char *format);

int write_format(const struct format *f, const struct document *d, const char *path,
                 struct text_style style);
/* The text report, the records, and what --formats names. */
int write_folder(const struct options *o, const char *folder, const struct document *d);
/* The captures of its findings; `packets` NULL: nothing. */
int write_evidence(const struct options *o, const char *folder, const struct document *d,
                   const struct cited_packets *packets);

#endif
