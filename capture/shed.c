#include "capture/shed.h"

#include <stdlib.h>

/* Of the ring: where each step begins, and below which it ends. Far enough apart that a step does
 * not come and go with each block of packets that the kernel hands over. */
enum { CONTENT_FROM = 500, CONTENT_UNTIL = 250, NEWCOMERS_FROM = 750, NEWCOMERS_UNTIL = 500 };

#define SLOTS (1u << 16)
/* Shorter payload is a message, not content. */
#define CONTENT_OCTETS 512u

struct slot { /* a conversation that was seen lately */
    uint32_t hash;
    uint32_t octets; /* of payload, up to LIMIT_SHED_AFTER and one packet */
    uint8_t protocol;
    bool refused;
};

struct shedder {
    struct shed_options options;
    enum shed_level level;
    struct shed_counts counts;
    struct slot slots[SLOTS];
};

struct shedder *shedder_new(const struct shed_options *options)
{
    struct shedder *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->options = *options;
    }
    return s;
}

void shed_load(struct shedder *s, unsigned load)
{
    if (load >= NEWCOMERS_FROM || (s->level == SHED_LEVEL_NEWCOMERS && load >= NEWCOMERS_UNTIL)) {
        s->level = SHED_LEVEL_NEWCOMERS;
    } else if (load >= CONTENT_FROM || (s->level != SHED_LEVEL_NONE && load >= CONTENT_UNTIL)) {
        s->level = SHED_LEVEL_CONTENT;
    } else {
        s->level = SHED_LEVEL_NONE;
    }
}

enum shed_level shed_level(const struct shedder *s)
{
    return s->level;
}

static bool knows(const struct shedder *s, const struct datagram *d)
{
    return s->options.knows != NULL && (s->options.knows(s->options.user, &d->source) ||
                                        s->options.knows(s->options.user, &d->destination));
}

/* A conversation begins, or one that was not seen for long goes on. */
static void begin(struct shedder *s, struct slot *slot, const struct datagram *d, uint32_t hash)
{
    bool refused = s->level == SHED_LEVEL_NEWCOMERS && !knows(s, d);
    *slot = (struct slot){.hash = hash, .protocol = d->protocol, .refused = refused};
    s->counts.newcomer_flows += refused;
}

static enum shed judge(const struct shedder *s, struct slot *slot, const struct datagram *d)
{
    uint32_t payload = (uint32_t)d->payload.len;
    if (slot->refused) {
        return SHED_NEWCOMER;
    }
    if (slot->octets <= LIMIT_SHED_AFTER) {
        slot->octets += payload;
        return SHED_NOTHING;
    }
    bool plain = d->protocol == IP_TCP && (d->tcp.flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0;
    return s->level != SHED_LEVEL_NONE && plain && payload >= CONTENT_OCTETS ? SHED_CONTENT
                                                                             : SHED_NOTHING;
}

enum shed shed_judge(struct shedder *s, const struct datagram *d, const struct flow_place *place)
{
    struct slot *slot = &s->slots[place->hash % SLOTS];
    bool opens = d->protocol == IP_TCP && (d->tcp.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    /* What was refused is let in again when there is room; of TCP, from its beginning on. */
    bool let_in = slot->refused && s->level != SHED_LEVEL_NEWCOMERS && d->protocol != IP_TCP;
    if (slot->hash != place->hash || slot->protocol != d->protocol || opens || let_in) {
        begin(s, slot, d, place->hash);
    }
    enum shed what = judge(s, slot, d);
    if (what == SHED_CONTENT) {
        s->counts.content_packets++;
        s->counts.content_octets += d->payload.len;
    }
    s->counts.newcomer_packets += what == SHED_NEWCOMER;
    return what;
}

bool shed_pass(struct shedder *s, unsigned load, struct datagram *d, const struct flow_place *place)
{
    shed_load(s, load);
    enum shed what = shed_judge(s, d, place);
    if (what == SHED_CONTENT) {
        d->payload_cut += (uint32_t)d->payload.len;
        d->payload.len = 0;
    }
    return what != SHED_NEWCOMER;
}

const struct shed_counts *shed_counts(const struct shedder *s)
{
    return &s->counts;
}

struct shedder *shedder_free(struct shedder *s)
{
    free(s);
    return NULL;
}
