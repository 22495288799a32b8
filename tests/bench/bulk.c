#include "tests/bench/protocols.h"

#include <stdio.h>

#include "tests/bench/hosts.h"
#include "tests/bench/http_messages.h"
#include "tests/bench/scene.h"
#include "tests/bench/smb.h"

enum { SMB_PORT = 445, HTTP_PORT = 80 };
enum { KIB = 1024, MIB = 1024 * 1024, FIRST_BUDGET = 512 * KIB };

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* 64 KiB to 1 MiB; one size a transfer, as a client keeps to what was negotiated. */
static uint32_t pick_piece(struct random *r)
{
    return (uint32_t)(64 * KIB) << random_below(r, 5);
}

static void smb_bulk_scene(struct scene *sc, enum server server, const char *share)
{
    scene_visit(sc, server, SMB_PORT);
    smb_begin(sc, &sc->bulk.smb, share, server == SMP01);
    sc->bulk.piece = pick_piece(sc->random);
}

void smb_read_scene(struct scene *sc)
{
    if (random_chance(sc->random, 500))
        smb_bulk_scene(sc, DP01, "SMSPKGD$");
    else
        smb_bulk_scene(sc, FS01, "packages$");
}

void smb_write_scene(struct scene *sc)
{
    smb_bulk_scene(sc, SMP01, "SMPSTOREA_1$");
}

static void read_piece(struct scene *sc, uint32_t n)
{
    struct bulk *b = &sc->bulk;

    smb_read_request(scene_say(sc, CLIENT), &b->smb, b->offset, n);
    struct octets *o = scene_say(sc, SERVER);
    smb_read_response(o, &b->smb, n);
    scene_content(sc, o, n);
    smb_next(&b->smb, n);
}

static void write_piece(struct scene *sc, uint32_t n)
{
    struct bulk *b = &sc->bulk;

    struct octets *o = scene_say(sc, CLIENT);
    smb_write_request(o, &b->smb, b->offset, n);
    scene_content(sc, o, n);
    smb_write_response(scene_say(sc, SERVER), &b->smb, n);
    smb_next(&b->smb, n);
}

/* Files of 2 to 24 MiB, one after the other; the last one may be left unfinished. */
static bool smb_more(struct scene *sc, uint64_t budget, bool writes)
{
    struct bulk *b = &sc->bulk;

    script_clear(&sc->script);
    if (b->over)
        return false;
    if (b->open && (b->left == 0 || budget == 0)) {
        smb_close_file(sc, &b->smb);
        b->open = false;
    } else if (budget == 0) {
        smb_end(sc, &b->smb);
        b->over = true;
    } else if (!b->open) {
        b->left = random_between(sc->random, 2 * MIB, 24 * MIB);
        b->offset = 0;
        smb_open_file(sc, &b->smb, writes, writes ? 0 : b->left);
        b->open = true;
    } else {
        uint32_t n = (uint32_t)smaller(b->piece, b->left);
        if (writes)
            write_piece(sc, n);
        else
            read_piece(sc, n);
        b->offset += n;
        b->left -= n;
    }
    return true;
}

bool smb_read_more(struct scene *sc, uint64_t budget)
{
    return smb_more(sc, budget, false);
}

bool smb_write_more(struct scene *sc, uint64_t budget)
{
    return smb_more(sc, budget, true);
}

/*
 * The next file, asked for in one GET. A body once promised must be sent, and the short flows will
 * take their part of the budget meanwhile: so half of it at most.
 */
static void start_download(struct scene *sc, uint64_t budget)
{
    struct bulk *b = &sc->bulk;
    char uri[96];

    b->left = smaller(budget / 2, random_between(sc->random, 256 * KIB, 16 * MIB));
    uint32_t number = random_u32(sc->random);
    snprintf(uri, sizeof uri, "/SMS_DP_SMSPKG$/Content_%08X.1/image%u.wim", number, number % 9);
    struct octets *o = scene_say(sc, CLIENT);
    http_put_request(o, "GET", uri, sc->server->fqdn, "Microsoft BITS/7.8");
    octets_text(o, "\r\n");
    o = scene_say(sc, SERVER);
    http_put_status(o, "200 OK", "application/octet-stream");
    octets_printf(o, "Accept-Ranges: bytes\r\nContent-Length: %llu\r\n\r\n",
                  (unsigned long long)b->left);
    scene_expect(sc, RECORD_HTTP, 1);
}

void download_scene(struct scene *sc)
{
    static const enum server points[] = {DP03, DP04, DP06};

    scene_visit(sc, points[random_below(sc->random, 3)], HTTP_PORT);
    sc->bulk.piece = 256 * KIB;
    start_download(sc, FIRST_BUDGET);
}

bool download_more(struct scene *sc, uint64_t budget)
{
    struct bulk *b = &sc->bulk;

    script_clear(&sc->script);
    if (b->left == 0) {
        if (budget == 0)
            return false;
        start_download(sc, budget);
        return true;
    }
    uint32_t n = (uint32_t)smaller(b->piece, b->left);
    scene_content(sc, scene_say(sc, SERVER), n);
    b->left -= n;
    return true;
}
