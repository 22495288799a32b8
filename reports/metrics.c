#include "reports/metrics.h"

#include <inttypes.h>

static void family(struct output *out, const char *name, const char *type, const char *help)
{
    output_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counter(struct output *out, const char *name, const char *help, uint64_t value)
{
    family(out, name, "counter", help);
    output_format(out, "%s %" PRIu64 "\n", name, value);
}

static void gauge(struct output *out, const char *name, const char *help, uint64_t value)
{
    family(out, name, "gauge", help);
    output_format(out, "%s %" PRIu64 "\n", name, value);
}

static void seconds(struct output *out, const char *name, const char *help, double value)
{
    family(out, name, "gauge", help);
    output_format(out, "%s %.3f\n", name, value);
}

/* A label's value: names of the wire may hold anything. */
static void label(struct output *out, const char *name, const char *value)
{
    output_format(out, "%s=\"", name);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\\' || *c == '"') {
            output_octets(out, "\\", 1);
        }
        if (*c == '\n') {
            output_text(out, "\\n");
        } else {
            output_octets(out, c, 1);
        }
    }
    output_text(out, "\"");
}

struct labelled {
    const char *value;
    uint64_t count;
};

static void rows(struct output *out, const char *name, const char *key, const struct labelled *all,
                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        output_format(out, "%s{", name);
        label(out, key, all[i].value);
        output_format(out, "} %" PRIu64 "\n", all[i].count);
    }
}
#define ROWS(out, name, key, all) rows(out, name, key, all, sizeof(all) / sizeof *(all))

static void write_identity(struct output *out, const struct metrics *m)
{
    family(out, "rolecall_build_info", "gauge", "Which rolecall this is.");
    output_text(out, "rolecall_build_info{");
    label(out, "version", ROLECALL_VERSION);
    output_text(out, "} 1\n");
    family(out, "rolecall_policy_info", "gauge", "The policy that is judged by.");
    output_text(out, "rolecall_policy_info{");
    label(out, "path", m->policy->path);
    output_text(out, ",sha256=\"");
    for (size_t i = 0; i < sizeof m->policy->sha256; i++) {
        output_format(out, "%02x", m->policy->sha256[i]);
    }
    output_text(out, "\"} 1\n");
    seconds(out, "rolecall_uptime_seconds", "How long this audit has been running.",
            (double)(m->now_ns - m->started_ns) / 1e9);
}

static void write_capture(struct output *out, const struct metrics *m)
{
    const struct run *run = m->run;
    counter(out, "rolecall_packets_total", "Packets that were captured.", run->source.packets);
    counter(out, "rolecall_captured_bytes_total", "Their octets, as they were on the wire.",
            run->source.bytes);
    if (run->source.packets > 0) {
        seconds(out, "rolecall_last_packet_timestamp_seconds", "When the last one was captured.",
                (double)run->source.last_ns / 1e9);
    }
    const struct labelled passed[] = {
        {"not_ip", run->frames_not_ip},
        {"truncated", run->frames_truncated},
        {"malformed", run->frames_malformed},
        {"unknown_link", run->frames_unknown_link},
    };
    family(out, "rolecall_frames_not_judged_total", "counter",
           "Packets that hold nothing to judge, by reason.");
    ROWS(out, "rolecall_frames_not_judged_total", "reason", passed);
    counter(out, "rolecall_flows_total", "Conversations.", run->flows.flows);
    const struct labelled partial[] = {
        {"one_sided", run->quality.one_sided},
        {"midstream", run->quality.midstream},
        {"gaps", run->quality.gaps},
    };
    family(out, "rolecall_flows_incomplete_total", "counter",
           "Conversations that were seen in part, by what is missing.");
    ROWS(out, "rolecall_flows_incomplete_total", "kind", partial);
    family(out, "rolecall_protocol_flows_total", "counter",
           "Conversations that ended, by protocol.");
    for (size_t i = 0; i < run->protocol_count; i++) {
        rows(out, "rolecall_protocol_flows_total", "protocol",
             &(struct labelled){run->protocols[i], run->protocol_flows[i]}, 1);
    }
}

static void write_drops(struct output *out, const struct metrics *m)
{
    const struct run *run = m->run;
    const struct labelled drops[] = {
        {"ring", run->source.dropped - run->source.card_dropped},
        {"card", run->source.card_dropped},
        {"interface", run->source.interface_losses},
        {"cut_packets", run->source.snapped},
        {"fragments", run->fragments_given_up},
        {"flows_half_open", run->flows.evicted_half_open},
        {"flows", run->flows.evicted},
        {"reorder_octets", run->flows.reorder_shed},
        {"flow_state", run->engine.flow_memory},
        {"messages_too_long", run->engine.messages_too_long},
        {"records", run->engine.drafts_shed},
        {"facts", run->engine.facts_cut},
        {"nesting", run->engine.nested_too_deep},
        {"subjects", m->audit->subjects_shed},
        {"findings", m->audit->findings_shed},
        {"rule_state", m->audit->state_shed},
        {"hosts", m->gathering->hosts_shed},
        {"conversations", m->gathering->conversations_shed},
    };
    family(out, "rolecall_drops_total", "counter",
           "What was lost or could not be kept, by kind: packets by the kernel's ring and the "
           "network card, interfaces that went away, the others by a limit.");
    ROWS(out, "rolecall_drops_total", "kind", drops);
}

static void write_findings(struct output *out, const struct metrics *m)
{
    struct labelled findings[SEVERITY_CRITICAL + 1];
    size_t count = 0;
    for (unsigned s = SEVERITY_INFO; s <= SEVERITY_CRITICAL; s++) {
        findings[count++] = (struct labelled){severity_name(s), m->findings[s]};
    }
    family(out, "rolecall_findings", "gauge",
           "Findings so far, by severity, without those that the policy accepts.");
    rows(out, "rolecall_findings", "severity", findings, count);
    gauge(out, "rolecall_findings_accepted", "Findings so far that the policy accepts.",
          m->accepted);
    counter(out, "rolecall_findings_announced_total", "Findings that were new or became worse.",
            m->announced);
    counter(out, "rolecall_observations_total", "Messages and conversations that were judged.",
            m->audit->observations);
}

static void write_process(struct output *out, const struct metrics *m)
{
    if (m->resident_octets > 0) {
        gauge(out, "process_resident_memory_bytes", "Resident memory size in bytes.",
              m->resident_octets);
    }
    gauge(out, "rolecall_flow_memory_peak_bytes", "Most that conversations took at a time.",
          m->run->flows.memory_peak);
    family(out, "process_cpu_seconds_total", "counter",
           "Total user and system CPU time spent in seconds.");
    output_format(out, "process_cpu_seconds_total %.3f\n", m->processor_seconds);
    counter(out, "rolecall_restarts_total",
            "How often the process that audits died and was started anew.", m->restarts);
    seconds(out, "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.", (double)m->started_ns / 1e9);
}

static void write_server(struct output *out, const struct metrics *m)
{
    const struct server_counts *s = &m->server;
    gauge(out, "rolecall_web_connections", "Connections to this server.", s->visitors);
    gauge(out, "rolecall_web_streams", "Of them those that listen to events.", s->streams);
    counter(out, "rolecall_web_requests_total", "Requests.", s->requests);
    counter(out, "rolecall_web_refused_requests_total",
            "Requests that were refused: by name, method, size, path or token.",
            s->refused_requests);
    counter(out, "rolecall_web_refused_connections_total",
            "Connections that were closed at once, as there were too many.",
            s->refused_connections);
    counter(out, "rolecall_web_timeouts_total", "Connections that were ended as they were slow.",
            s->timed_out);
    counter(out, "rolecall_web_wrong_tokens_total", "Wrong tokens.", s->wrong_tokens);
    seconds(out, "rolecall_web_rendering_seconds", "How long the last page took to be made.",
            m->rendering_seconds);
}

void metrics_write(struct output *out, const struct metrics *m)
{
    write_identity(out, m);
    write_capture(out, m);
    write_drops(out, m);
    write_findings(out, m);
    write_process(out, m);
    write_server(out, m);
}
