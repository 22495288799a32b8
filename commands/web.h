/*
 * web.h - --listen: what the web server (reports/server.h) hands out of an audit that goes on.
 *
 * The thread that judges publishes: each second figures and metrics, each finding as it is
 * announced, and the page with its records when somebody asks for it. These are made by a child of
 * its own, from a copy of everything as it is at that moment (fork(2)), and come back in memory
 * that both share: capturing goes on, and the server never looks at the audit.
 */
#ifndef ROLECALL_COMMANDS_WEB_H
#define ROLECALL_COMMANDS_WEB_H

#include "commands/command.h"
#include "reports/document.h"

struct web;

/* The document of the audit as it stands; in a process of its own. */
typedef int web_view(struct session *s, struct pipeline *p, struct document **ret);

/* Listens, and reads the files that the options name: before rights are given up. Without --listen
 * *ret is NULL, which all the others take. */
int web_open(struct session *s, web_view *view, struct web **ret) MUST_USE;
/* In the process that audits, while it may still open files. */
void web_begin(struct web *w);
/* `line`: the finding as findings.jsonl has it. */
void web_announce(struct web *w, const struct finding *f, struct bytes line);
/* The policy was replaced: the session's audit is another one, and begins. */
void web_begin_anew(struct web *w);
/* Many times a second, in the thread that judges. The first time the server's thread starts, with
 * the rights that are left. */
void web_caught_up(struct web *w, struct pipeline *p);
/* In a child process that writes a report. */
void web_forget(struct web *w);
struct web *web_close(struct web *w); /* NULL */

#endif
