/*
 * screen_terminal.h - the terminal of the live screen: canvases out, keys in.
 *
 * A terminal that takes nothing (a laptop that sleeps behind ssh) never holds the program up: what
 * ncurses writes is kept in memory and handed over as fast as the terminal takes it. terminal_open
 * finds out all about it and changes nothing; terminal_take, later and also in a child, takes it
 * over. Nothing is opened after terminal_open.
 *
 * While it is taken, standard error is kept: its last line is terminal_message, and all of it comes
 * on the terminal once that is free again. The terminal is given back by terminal_leave, by exit()
 * and by signals that end the program; who ends it with _exit, or sees the child end that has taken
 * it, calls terminal_rescue. Children of who has taken it do not touch it when they end.
 *
 * One at a time. Errors: one line in `error`.
 */
#ifndef ROLECALL_REPORTS_SCREEN_TERMINAL_H
#define ROLECALL_REPORTS_SCREEN_TERMINAL_H

#include "reports/screen_canvas.h"

struct terminal;

#define TERMINAL_ERROR 200

/* Standard output's terminal. `color`: where it has colours. */
int terminal_open(bool color, char error[TERMINAL_ERROR], struct terminal **ret) MUST_USE;
void terminal_take(struct terminal *t);
/* Gives it back and tells what was kept of standard error, where it was taken. */
void terminal_leave(struct terminal *t);
/* Gives it back at once, whoever has taken it; safe in a signal handler. */
void terminal_rescue(void);
struct terminal *terminal_free(struct terminal *t); /* NULL is fine; returns NULL */

bool terminal_is_ascii(const struct terminal *t);
bool terminal_is_gone(const struct terminal *t); /* closed by its user */
/* False when it has not even taken what was drawn last: nothing is to be drawn now. */
bool terminal_is_ready(struct terminal *t);
void terminal_size(const struct terminal *t, unsigned *ret_rows, unsigned *ret_columns);
/* `anew`: whatever it shows by now. */
void terminal_show(struct terminal *t, const struct canvas *c, bool anew);
int terminal_key(struct terminal *t); /* enum screen_key; KEYS_NONE: none waits */
const char *terminal_message(struct terminal *t, unsigned *ret_number); /* of lines so far */

/* The first key of what was typed, `used` octets of it; KEYS_NONE: it is not all there yet. */
int terminal_key_of(const char *typed, size_t len, size_t *used);

#endif
