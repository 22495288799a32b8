/*
 * hosts.h - who takes part: the servers of policy.yaml, and the clients of 10.1.0.0/16.
 *
 * Units:  addresses in host order.
 * Owner:  struct hosts owns everything; a struct host stays at its address for the run.
 */
#ifndef ROLECALL_BENCH_HOSTS_H
#define ROLECALL_BENCH_HOSTS_H

#include <stdint.h>

#define DOMAIN "corp.example"
#define REALM "CORP.EXAMPLE"
#define NETBIOS_DOMAIN "CORP"

enum { CLIENT_COUNT = 2000 };

/* In the order of the table in hosts.c; policy.yaml declares the same. */
enum server {
    DC01,
    DC02,
    CM01,
    DB01,
    MP01,
    MP02,
    MP03,
    DP01,
    DP02,
    DP03,
    DP04,
    DP05,
    DP06,
    SUP01,
    SUP02,
    FSP01,
    SMP01,
    RSP01,
    CA01,
    FS01,
    SERVER_COUNT
};

struct host {
    char short_name[16]; /* "PC00042", "dp01" */
    char fqdn[40];
    uint32_t address;
    uint8_t mac[6];
    uint16_t ip_id;     /* of its next packet; counts up per host, as Windows does */
    uint16_t next_port; /* of its next connection, 49152..65535 in turn */
};

struct hosts {
    struct host servers[SERVER_COUNT];
    struct host clients[CLIENT_COUNT];
};

void hosts_init(struct hosts *all);

/* The n-th of hosts without end: one in the declared network 10.128.0.0/9, the next one
 * in 11.0.0.0/8, which no policy knows. */
void host_stranger(struct host *h, uint32_t n);
enum { STRANGERS_MOST = 2 << 23 };

/* A source port this host has not used for 16,383 connections. */
uint16_t host_take_port(struct host *h);

#endif
