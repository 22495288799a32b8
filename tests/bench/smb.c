#include "tests/bench/smb.h"

#include <stdio.h>

#include "tests/bench/hosts.h"
#include "tests/bench/protocols.h"
#include "tests/bench/scene.h"
#include "tests/bench/smb_messages.h"
#include "tests/bench/spnego.h"

enum { SMB_PORT = 445 };

static const struct {
    enum server server;
    const char *share;
    bool must_sign;
} shares[] = {
    {DC01, "SYSVOL", true},           {DC02, "NETLOGON", true},   {DP01, "SMSPKGD$", false},
    {DP03, "SCCMContentLib$", false}, {DP06, "SMSSIG$", false},   {SMP01, "SMPSTOREA_1$", true},
    {FS01, "packages$", false},       {FS01, "packages$", false},
};

static uint16_t pick_dialect(struct random *r)
{
    uint32_t which = random_below(r, 100);
    return which < 80 ? SMB_DIALECT_3_1_1 : which < 90 ? SMB_DIALECT_3_0_2 : SMB_DIALECT_2_1;
}

static void negotiate(struct scene *sc, struct smb_session *s, bool must_sign)
{
    if (random_chance(sc->random, 150)) {
        smb_multi_protocol_request(scene_say(sc, CLIENT));
        smb_negotiate_response(scene_say(sc, SERVER), s, SMB_DIALECT_WILDCARD, must_sign);
        smb_next(s, 0);
    }
    smb_negotiate_request(scene_say(sc, CLIENT), s, sc->server->fqdn);
    uint16_t dialect = pick_dialect(sc->random);
    smb_negotiate_response(scene_say(sc, SERVER), s, dialect, must_sign);
    smb_next(s, 0);
}

/* The session has its id from the server's first answer on, and signs from the last. */
static void kerberos_setup(struct scene *sc, struct smb_session *s, uint64_t id, bool must_sign)
{
    struct octets token = {0};
    char spn[64];

    snprintf(spn, sizeof spn, "cifs/%s", sc->server->fqdn);
    spnego_kerberos_request(&token, sc->random, spn);
    smb_session_setup_request(scene_say(sc, CLIENT), s, &token);
    token.len = 0;
    spnego_kerberos_accept(&token, sc->random);
    s->id = id;
    s->signs = must_sign;
    smb_session_setup_response(scene_say(sc, SERVER), s, true, &token);
    smb_next(s, 0);
    octets_done(&token);
}

static void ntlm_setup(struct scene *sc, struct smb_session *s, uint64_t id, bool must_sign)
{
    struct octets token = {0};
    char user[24], spn[64];
    struct ntlm_talk talk = {.random = sc->random,
                             .user = user,
                             .workstation = sc->client->short_name,
                             .server_short = sc->server->short_name,
                             .server_fqdn = sc->server->fqdn,
                             .target_spn = spn};

    snprintf(user, sizeof user, "u%s", sc->client->short_name + 2);
    snprintf(spn, sizeof spn, "cifs/%s", sc->server->fqdn);
    random_fill(sc->random, talk.challenge, sizeof talk.challenge);
    spnego_ntlm_negotiate(&token);
    smb_session_setup_request(scene_say(sc, CLIENT), s, &token);
    token.len = 0;
    spnego_ntlm_challenge(&token, &talk);
    s->id = id;
    smb_session_setup_response(scene_say(sc, SERVER), s, false, &token);
    smb_next(s, 0);
    token.len = 0;
    spnego_ntlm_authenticate(&token, &talk);
    smb_session_setup_request(scene_say(sc, CLIENT), s, &token);
    token.len = 0;
    spnego_ntlm_accept(&token, sc->random);
    s->signs = must_sign;
    smb_session_setup_response(scene_say(sc, SERVER), s, true, &token);
    smb_next(s, 0);
    octets_done(&token);
    scene_expect(sc, RECORD_NTLM, 1);
}

void smb_begin(struct scene *sc, struct smb_session *s, const char *share, bool must_sign)
{
    uint64_t id = UINT64_C(0x0000580000000001) + ((uint64_t)random_below(sc->random, 1 << 20) << 2);
    char path[96];

    *s = (struct smb_session){.random = sc->random};
    negotiate(sc, s, must_sign);
    if (random_chance(sc->random, 250))
        ntlm_setup(sc, s, id, must_sign);
    else
        kerberos_setup(sc, s, id, must_sign);
    snprintf(path, sizeof path, "\\\\%s\\%s", sc->server->fqdn, share);
    smb_tree_connect_request(scene_say(sc, CLIENT), s, path);
    s->tree = random_between(sc->random, 1, 64);
    smb_tree_connect_response(scene_say(sc, SERVER), s);
    smb_next(s, 0);
    scene_expect(sc, RECORD_SMB, 3);
}

void smb_open_file(struct scene *sc, struct smb_session *s, bool writes, uint64_t size)
{
    char name[64];

    uint32_t number = random_u32(sc->random);
    snprintf(name, sizeof name, "P01%05X\\data\\%08X.dat", number % 4096, number);
    random_fill(sc->random, s->file_id, sizeof s->file_id);
    smb_create_request(scene_say(sc, CLIENT), s, name, writes);
    smb_create_response(scene_say(sc, SERVER), s, size);
    smb_next(s, 0);
}

void smb_close_file(struct scene *sc, struct smb_session *s)
{
    smb_close_request(scene_say(sc, CLIENT), s);
    smb_close_response(scene_say(sc, SERVER), s);
    smb_next(s, 0);
}

void smb_end(struct scene *sc, struct smb_session *s)
{
    smb_tree_disconnect(scene_say(sc, CLIENT), s, false);
    smb_tree_disconnect(scene_say(sc, SERVER), s, true);
    smb_next(s, 0);
    s->tree = 0;
    smb_logoff(scene_say(sc, CLIENT), s, false);
    smb_logoff(scene_say(sc, SERVER), s, true);
    smb_next(s, 0);
}

void smb_scene(struct scene *sc)
{
    size_t i = random_below(sc->random, sizeof shares / sizeof *shares);
    uint32_t size = random_between(sc->random, 400, 6000);
    struct smb_session s;

    scene_visit(sc, shares[i].server, SMB_PORT);
    smb_begin(sc, &s, shares[i].share, shares[i].must_sign);
    smb_open_file(sc, &s, false, size);
    smb_read_request(scene_say(sc, CLIENT), &s, 0, size);
    struct octets *o = scene_say(sc, SERVER);
    smb_read_response(o, &s, size);
    scene_content(sc, o, size);
    smb_next(&s, size);
    smb_close_file(sc, &s);
    smb_end(sc, &s);
}
