/*
 * ndpi_shim.h - the few nDPI calls in use, over the API changes from 4.2 to 5.
 *
 * meson compiles each form and defines NDPI_HAS_...: the headers decide, not a version number. Only
 * identify.c includes this. nDPI's protocol numbers are renumbered between releases: they are never
 * stored.
 */
#ifndef ROLECALL_DISSECT_NDPI_SHIM_H
#define ROLECALL_DISSECT_NDPI_SHIM_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include <ndpi_api.h>
#pragma GCC diagnostic pop

static inline struct ndpi_detection_module_struct *ndpi_shim_module(void)
{
#if defined(NDPI_HAS_PREFS)
    struct ndpi_detection_module_struct *module = ndpi_init_detection_module(ndpi_no_prefs);
#else
    struct ndpi_detection_module_struct *module = ndpi_init_detection_module(NULL);
#endif
    if (module == NULL) {
        return NULL;
    }
#if defined(NDPI_HAS_BITMASK)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    /* 4.2 calls LDAP so, and is sure of it. */
    NDPI_DEL_PROTOCOL_FROM_BITMASK(all, NDPI_PROTOCOL_MQTT);
#pragma GCC diagnostic pop
    (void)ndpi_set_protocol_detection_bitmask2(module, &all);
#endif
    ndpi_finalize_initialization(module);
    return module;
}

/* The protocol once content shows it, the finer one where there are two; else
 * NDPI_PROTOCOL_UNKNOWN. */
static inline uint16_t ndpi_shim_packet(struct ndpi_detection_module_struct *module,
                                        struct ndpi_flow_struct *flow, const uint8_t *packet,
                                        unsigned short len, uint64_t ms)
{
#if defined(NDPI_HAS_INPUT_INFO)
    ndpi_protocol p = ndpi_detection_process_packet(module, flow, packet, len, ms, NULL);
#else
    ndpi_protocol p = ndpi_detection_process_packet(module, flow, packet, len, ms);
#endif
    if (flow->confidence != NDPI_CONFIDENCE_DPI) {
        return NDPI_PROTOCOL_UNKNOWN;
    }
#if defined(NDPI_HAS_NESTED_PROTO)
    return p.proto.master_protocol != NDPI_PROTOCOL_UNKNOWN ? p.proto.master_protocol
                                                            : p.proto.app_protocol;
#else
    return p.master_protocol != NDPI_PROTOCOL_UNKNOWN ? p.master_protocol : p.app_protocol;
#endif
}

#endif
