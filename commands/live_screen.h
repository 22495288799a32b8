/*
 * live_screen.h - the live screen of an audit (--tui): fills what reports/screen.h shows, draws it,
 * and does what its keys ask for.
 *
 * Drawn in the thread that judges, while what came has been judged: at most five times a second
 * unless a key was pressed. Figures and lists are fresh once a second, findings as they come.
 */
#ifndef ROLECALL_COMMANDS_LIVE_SCREEN_H
#define ROLECALL_COMMANDS_LIVE_SCREEN_H

#include "commands/command.h"

struct live_screen;

/* Whether these options and this terminal allow it; EXIT_TROUBLE after an error line. */
int live_screen_check(const struct options *o) MUST_USE;
/* Opens the session's terminal, where --tui is given: before rights are given up. */
int live_screen_open(struct session *s) MUST_USE;
/* The terminal is taken over at the first call of the next. NULL: out of memory. */
struct live_screen *live_screen_new(struct session *s) MUST_USE;
/* Many times a second. */
void live_screen_caught_up(struct live_screen *l, struct pipeline *p);
/* Gives the terminal back. NULL is fine; returns NULL. */
struct live_screen *live_screen_free(struct live_screen *l);

#endif
