#include "tests/bench/http_messages.h"

#include <assert.h>

#include "tests/bench/octets.h"
#include "tests/bench/random.h"

void http_put_request(struct octets *o, const char *method, const char *uri, const char *host,
                      const char *agent)
{
    octets_printf(o,
                  "%s %s HTTP/1.1\r\nAccept: */*\r\nUser-Agent: %s\r\nHost: %s\r\n"
                  "Connection: Keep-Alive\r\n",
                  method, uri, agent, host);
}

void http_put_status(struct octets *o, const char *status, const char *content_type)
{
    octets_printf(o,
                  "HTTP/1.1 %s\r\nContent-Type: %s\r\nServer: Microsoft-IIS/10.0\r\n"
                  "X-Powered-By: ASP.NET\r\nDate: Mon, 02 Mar 2026 08:00:00 GMT\r\n",
                  status, content_type);
}

void http_put_xml(struct octets *o, struct random *r, uint32_t elements)
{
    octets_text(o, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<List Site=\"P01\">\r\n");
    for (uint32_t i = 0; i < elements; i++) {
        uint32_t id = random_u32(r);
        octets_printf(o, "  <Item Id=\"%08X\" Revision=\"%u\"><State>%u</State></Item>\r\n", id,
                      id % 300, id % 7);
    }
    octets_text(o, "</List>\r\n");
}

void http_put_chunks(struct octets *o, struct random *r, const struct octets *body)
{
    for (size_t done = 0; done < body->len;) {
        size_t piece = random_between(r, 200, 4096);
        if (piece > body->len - done)
            piece = body->len - done;
        octets_printf(o, "%zx\r\n", piece);
        octets_copy(o, body->at + done, piece);
        octets_text(o, "\r\n");
        done += piece;
    }
    octets_text(o, "0\r\n\r\n");
}

/* RFC 1950 8.2 */
static uint32_t adler32(const uint8_t *at, size_t n)
{
    uint32_t low = 1, high = 0;

    for (size_t i = 0; i < n; i++) {
        low = (low + at[i]) % 65521;
        high = (high + low) % 65521;
    }
    return high << 16 | low;
}

void http_put_stored_zlib(struct octets *o, const uint8_t *src, size_t n)
{
    assert(n <= UINT16_MAX);
    octets_be16(o, 0x7801);
    octets_u8(o, 1); /* the last block, stored */
    octets_le16(o, (uint16_t)n);
    octets_le16(o, (uint16_t)~n);
    octets_copy(o, src, n);
    octets_be32(o, adler32(src, n));
}
