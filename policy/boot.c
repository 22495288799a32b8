#include "policy/boot.h"

bool boot_address(const struct observation *o, enum fact_id id, struct address *ret)
{
    const char *text = observation_text(o, id);
    return text != NULL && address_parse(text, ret) && address_is_host(ret);
}

bool boot_is_answer(const struct observation *o)
{
    return observation_is(o, FACT_DHCP_MESSAGE, "OFFER") ||
           observation_is(o, FACT_DHCP_MESSAGE, "ACK") ||
           observation_is(o, FACT_DHCP_MESSAGE, "BOOTREPLY");
}

bool boot_answered_by(const struct scene *scene, const struct observation *o, struct address *ret)
{
    if (observation_get(o, FACT_DHCP_RELAY) != NULL) {
        return boot_address(o, FACT_DHCP_SERVER_ID, ret);
    }
    *ret = scene->ends[o->dir].address;
    return address_is_host(ret);
}
