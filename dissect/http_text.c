#include "dissect/http_text.h"

#include "capture/limits.h"

void http_state(struct observation *o, enum fact_id id, struct bytes text)
{
    if (text.len == 0 || memchr(text.at, '\n', text.len) == NULL) {
        observation_utf8(o, id, text);
        return;
    }
    char line[LIMIT_TEXT + 1];
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < sizeof(line); i++) {
        uint8_t c = text.at[i];
        bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (!blank) {
            line[len++] = (char)c;
        } else if (len > 0 && line[len - 1] != ' ') {
            line[len++] = ' ';
        }
    }
    observation_utf8(o, id, bytes_of(line, len));
}

size_t http_find(struct bytes text, char c)
{
    const uint8_t *at = text.len == 0 ? NULL : memchr(text.at, c, text.len);
    return at == NULL ? text.len : (size_t)(at - text.at);
}

size_t http_authority_offset(struct bytes uri)
{
    size_t colon = http_find(uri, ':');
    bool absolute = colon > 0 && bytes_has_prefix(bytes_from(uri, colon), "://", 3);
    return absolute && http_find(uri, '/') > colon ? colon + 3 : 0;
}

void http_state_uri(struct observation *o, enum fact_id id, struct bytes uri)
{
    size_t start = http_authority_offset(uri);
    struct bytes authority = bytes_from(uri, start);
    authority.len = http_find(authority, '/');
    size_t at_sign = http_find(authority, '@');
    size_t colon = http_find(authority, ':');
    if (start == 0 || at_sign == authority.len || colon >= at_sign) {
        http_state(o, id, uri);
        return;
    }
    char safe[LIMIT_TEXT + 1];
    size_t head = start + colon + 1 < sizeof(safe) ? start + colon + 1 : sizeof(safe);
    struct bytes rest = bytes_from(uri, start + at_sign);
    size_t tail = rest.len < sizeof(safe) - head ? rest.len : sizeof(safe) - head;
    memcpy(safe, uri.at, head);
    memcpy(safe + head, rest.at, tail);
    http_state(o, id, bytes_of(safe, head + tail));
}
