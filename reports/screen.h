/*
 * screen.h - what the live screen shows, and what its keys do: figures and lists in, cells out.
 *
 * No terminal is known here (screen_terminal.h has it) and nothing is asked of an audit: who fills
 * the model decides when it is fresh. Keys change the view only; what the program has to do is the
 * answer.
 *
 * Owner:  the model's texts and rows are borrowed for the call; findings, for as long as the view
 * knows them (screen_forget). The view owns its list: screen_done.
 * Units:  octets, seconds; rates a second.
 */
#ifndef ROLECALL_REPORTS_SCREEN_H
#define ROLECALL_REPORTS_SCREEN_H

#include "policy/audit.h"
#include "reports/records.h"
#include "reports/screen_canvas.h"

enum screen_page {
    PAGE_OVERVIEW,
    PAGE_FINDINGS,
    PAGE_HOSTS,
    PAGE_PROTOCOLS,
    PAGE_LOSSES,
    PAGE_COUNT
};

enum screen_over { /* over the page, all of the screen */
                   OVER_NOTHING,
                   OVER_FINDING,
                   OVER_RULE,
                   OVER_HELP
};

/* Printable characters are themselves. */
enum screen_key {
    KEYS_NONE = 0,
    KEYS_TAB = '\t',
    KEYS_ENTER = '\r',
    KEYS_ESCAPE = 27,
    KEYS_UP = 256,
    KEYS_DOWN,
    KEYS_LEFT,
    KEYS_RIGHT,
    KEYS_PAGE_UP,
    KEYS_PAGE_DOWN,
    KEYS_HOME,
    KEYS_END,
    KEYS_BACK_TAB,
    KEYS_BACKSPACE,
    KEYS_UNKNOWN
};

enum screen_answer {
    ANSWER_NOTHING,
    ANSWER_CHANGED, /* the view: draw it */
    ANSWER_REDRAW,  /* all of it, whatever the terminal shows */
    ANSWER_REPORT,  /* write a report now */
    ANSWER_END
};

struct screen_row {
    const struct finding *finding;
    bool accepted; /* by the policy, as far as is known by now */
};

struct screen_protocol {
    const char *name;
    uint64_t flows, octets;
};

struct screen_host {
    const struct host *declared; /* NULL: not declared */
    struct address address;
    const char *learned; /* what the capture calls who is not declared; NULL: nothing */
    const char *group;   /* of who is not declared: the client network, "not declared"; else "" */
    const char *site, *zone;
    uint64_t flows, octets, findings;
    enum severity worst; /* SEVERITY_OFF: no finding */
};

struct screen_losses {
    uint64_t dropped;    /* packets, by the capturing machine */
    uint64_t planned;    /* packets, by plan, as the machine could not keep up */
    uint64_t interfaces; /* times that one went away */
    uint64_t restarts;   /* times that the audit had to begin anew */
    uint64_t given_up;   /* conversations, by a limit */
    uint64_t gaps;       /* conversations with payload that was not captured */
    uint64_t unread;     /* messages and frames that could not be read, datagrams in pieces */
    uint64_t shed;       /* what the audit could not keep */
};

#define SCREEN_HISTORY 512 /* seconds */

struct screen_model {
    const char *input;  /* what is read: names of interfaces or files */
    const char *policy; /* the file's name */
    bool live;
    double seconds; /* since the start */
    double share;   /* of the input that was read; below 0: not known */
    uint64_t packets, octets, flows;
    double packet_rate, bit_rate;
    const float *history; /* packets a second, the newest last */
    unsigned history_count;
    uint64_t memory;                        /* of the process, at most so far */
    uint64_t flow_memory, flow_memory_most; /* of conversations, likewise; and the limit */
    struct screen_losses losses;
    const struct screen_row *rows; /* in the order in which they were found */
    size_t row_count;
    const struct screen_protocol *protocols; /* the most octets first */
    size_t protocol_count;
    const struct screen_host *hosts; /* the most octets first */
    size_t host_count, host_total;
    const char *summary; /* the summary record so far; "": none */
    const struct record_names *names;
    const char *message; /* NULL: none */
};

struct screen_view {
    enum screen_page page;
    enum screen_over over;
    enum severity least;
    bool worst_first, paused;
    bool one_host; /* only findings of this one */
    const struct host *host;
    struct address address;
    const struct finding *chosen;    /* NULL: the first, whichever that is */
    size_t selected[PAGE_COUNT];     /* place in the page's list */
    size_t first[PAGE_COUNT];        /* the place that is shown on top */
    size_t text_first;               /* line on top of a text */
    size_t room, lines;              /* of what was drawn last: rows, and lines of a text */
    const struct screen_row **shown; /* findings, filtered and sorted */
    size_t shown_count, shown_room;
    uint64_t counts[SEVERITY_CRITICAL + 1]; /* of all findings that are not accepted */
    uint64_t accepted;
};

void screen_init(struct screen_view *v);
void screen_done(struct screen_view *v);
/* The findings that the view knows are about to be freed. */
void screen_forget(struct screen_view *v);
/* Filters and sorts the findings. Without it the view does not know of new ones. */
void screen_arrange(struct screen_view *v, const struct screen_model *m);
enum screen_answer screen_key(struct screen_view *v, const struct screen_model *m, int key);
/* Fills the canvas, of whatever size it is. */
void screen_compose(struct canvas *c, const struct screen_model *m, struct screen_view *v);

#endif
