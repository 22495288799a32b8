// model.js - the records of one audit, joined: rules with their findings, hosts with what was said of them.
import {millis} from './format.js';

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'];
export const STATUSES = ['violated', 'consistent', 'not_observed', 'not_assessable'];
export const STATUS_WORDS = {
    violated: 'violated',
    consistent: 'consistent',
    not_observed: 'not observed',
    not_assessable: 'not assessable',
};
export const rank = (severity) => SEVERITIES.indexOf(severity);
export const partyName = (party) => party?.name ?? party?.learned_name ?? party?.ip ?? party?.group ?? '';
export const isOpen = (finding) => !finding.accepted || finding.accepted.expired === true;
const NAME_MARK = 0xe000;
const NAMES = [
    ['client', 'name'],
    ['client', 'ip'],
    ['client', 'group'],
    ['client', 'learned_name'],
    ['server', 'name'],
    ['server', 'ip'],
    ['server', 'group'],
    ['server', 'learned_name'],
];

/**
 * What reports/html.c made short is made long again when somebody looks at it: names of the ends in sentences, and times
 * that are told from the one before.
 */
export function lengthen(finding) {
    if (finding.long) {
        return finding;
    }
    finding.long = true;
    const names = NAMES.map(([end, key]) => finding[end]?.[key] ?? '');
    const whole = (text) =>
        Array.isArray(text)
            ? text[0]
            : text?.replace(/[\ue000-\ue007]/g, (mark) => names[mark.charCodeAt(0) - NAME_MARK]);
    for (const key of ['explanation', 'remediation', 'display_filter'].filter((k) => k in finding)) {
        finding[key] = whole(finding[key]);
    }
    let before = finding.first;
    for (const row of finding.evidence ?? []) {
        if ('says' in row) {
            row.says = whole(row.says);
        }
        if ('ts' in row) {
            before = row.ts = later(before, row.ts);
        }
    }
    if ('last' in finding) {
        finding.last = later(before, finding.last);
    }
    return finding;
}

// When it was last seen, in milliseconds: enough to sort and to filter by.
function endOf(finding) {
    if (typeof finding.last !== 'number') {
        return millis(finding.last ?? finding.first);
    }
    const digits = /\.(\d*)Z$/.exec(finding.first)?.[1].length ?? 0;
    const units = (finding.evidence ?? []).reduce(
        (sum, row) => sum + (typeof row.ts === 'number' ? row.ts : 0),
        finding.last,
    );
    return finding.at + (units / 10 ** digits) * 1000;
}

// A time told as so many of the smallest units after another one; numbers are exact to 104 days of nanoseconds.
function later(base, units) {
    if (typeof units !== 'number') {
        return units ?? base;
    }
    const [, whole, fraction = ''] = /^([^.Z]*)\.?(\d*)Z$/.exec(base);
    const scale = 10n ** BigInt(fraction.length);
    const sum = BigInt(Date.parse(whole + 'Z') / 1000) * scale + BigInt(fraction || 0) + BigInt(units);
    const rest = ((sum % scale) + scale) % scale; // times before 1970 count, too
    const text = new Date(Number((sum - rest) / scale) * 1000).toISOString().slice(0, 19);
    return fraction ? `${text}.${String(rest).padStart(fraction.length, '0')}Z` : text + 'Z';
}

function groupBy(rows, key) {
    const groups = new Map();
    for (const row of rows) {
        const name = key(row);
        const group = groups.get(name);
        if (group) {
            group.push(row);
        } else {
            groups.set(name, [row]);
        }
    }
    return groups;
}

class Model {
    constructor(records) {
        this.audit = records.audit?.[0] ?? {};
        this.summary = records.summary?.[0] ?? {};
        this.model = records.model?.[0] ?? {};
        for (const key of [
            'finding',
            'verdict',
            'statement',
            'conversation',
            'traffic',
            'grade',
            'history',
            'rule',
            'host',
        ]) {
            this[key + 's'] = records[key] ?? [];
        }
        this.shortened = records.shortened?.[0];
        this.live = records.live?.[0]; // of a page that rolecall serves: its run, and the last event in here
        this.start = this.audit.start ?? this.summary.input?.first;
        this.end = this.audit.end ?? this.summary.input?.last;
        this.joinRules();
        this.joinFindings();
        this.joinHosts();
    }

    joinRules() {
        this.ruleByCode = new Map();
        for (const rule of this.rules) {
            this.ruleByCode.set(rule.code, Object.assign(rule, {findings: [], counts: {}}));
        }
        for (const verdict of this.verdicts) {
            const counts = this.ruleOf(verdict).counts;
            counts[verdict.status] = (counts[verdict.status] ?? 0) + 1;
        }
        this.chapterNames = new Map(
            [...this.rules, ...this.grades].map((r) => [r.chapter, r.chapter_title ?? r.chapter]),
        );
        this.grades.forEach((g) => g.costs?.sort((a, b) => b.points - a.points));
        this.statementById = new Map(this.statements.map((s) => [s.id, s]));
    }

    // A finding may be of a rule that the document does not describe, such as a policy's watch rule.
    ruleOf(row) {
        let rule = this.ruleByCode.get(row.code);
        if (!rule) {
            rule = {
                code: row.code,
                rule: row.rule,
                title: row.title ?? row.rule,
                chapter: 'watch',
                severity: row.severity ?? 'info',
                statements: row.statements ?? [],
                references: row.references ?? [],
                findings: [],
                counts: {},
            };
            this.ruleByCode.set(row.code, rule);
            this.rules.push(rule);
        }
        return rule;
    }

    joinFindings() {
        this.findingById = new Map();
        for (const finding of this.findings) {
            finding.about = this.ruleOf(finding);
            finding.about.findings.push(finding);
            finding.from = partyName(finding.client);
            finding.to = partyName(finding.server);
            finding.at = millis(finding.first);
            finding.until = endOf(finding);
            this.findingById.set(finding.id, finding);
        }
        for (const rule of this.rules) {
            rule.worst = rule.findings.reduce(
                (worst, f) => (rank(f.severity) < rank(worst) ? f.severity : worst),
                rule.findings[0]?.severity ?? rule.severity,
            );
        }
        this.openFindings = this.findings.filter(isOpen);
        this.brokenRules = this.rules
            .filter((r) => r.findings.length > 0)
            .sort(
                (a, b) =>
                    rank(a.worst) - rank(b.worst) ||
                    b.findings.length - a.findings.length ||
                    (a.code < b.code ? -1 : 1),
            );
    }

    joinHosts() {
        const declared = new Map((this.model.hosts ?? []).map((h) => [h.name, h]));
        if (this.hosts.length === 0) {
            this.hosts = [...declared.values()].map((h) => ({
                name: h.name,
                ips: h.addresses ?? [],
                declared: true,
                roles: h.roles ?? [],
                site: h.site,
                forest: h.forest,
                zone: h.zone,
            }));
        }
        this.hostByName = new Map();
        for (const host of this.hosts) {
            host.all = [];
            // Several hosts may have been called by one name; a declared one has it by right.
            const other = this.hostByName.get(host.name);
            const takes = !other || (host.declared && !other.declared);
            host.key = takes ? host.name : (host.ips?.[0] ?? host.name);
            if (takes) {
                if (other) {
                    other.key = other.ips?.[0] ?? other.name;
                }
                this.hostByName.set(host.name, host);
            }
        }
        for (const host of this.hosts) {
            for (const ip of host.ips ?? []) {
                if (!this.hostByName.has(ip)) {
                    this.hostByName.set(ip, host);
                }
            }
        }
        for (const finding of this.findings) {
            finding.clientHost = this.hostOf(finding.client);
            finding.serverHost = this.hostOf(finding.server);
            finding.ends = new Set([finding.clientHost, finding.serverHost].filter(Boolean));
            finding.ends.forEach((host) => host.all.push(finding));
        }
        for (const host of this.hosts) {
            const open = host.all.filter(isOpen);
            host.findings = open.length;
            host.worst = open.reduce(
                (worst, f) => (worst && rank(worst) <= rank(f.severity) ? worst : f.severity),
                undefined,
            );
        }
        this.verdictsBySubject = groupBy(this.verdicts, (v) => v.subject);
    }

    hostOf(party) {
        return (
            party &&
            (this.hostByName.get(party.name) ??
                this.hostByName.get(party.ip) ??
                this.hostByName.get(party.learned_name))
        );
    }

    chapterName(chapter) {
        return this.chapterNames.get(chapter) ?? chapter;
    }

    conversationsOf(host) {
        const heard = [],
            spoke = [];
        for (const row of this.conversations) {
            if (this.hostOf(row.server) === host) {
                heard.push(row);
            } else if (this.hostOf(row.client) === host) {
                spoke.push(row);
            }
        }
        return {heard, spoke};
    }

    /** Answers to a statement for each subject: the worst verdict of the rules that judge it. */
    statementBySubject(statement) {
        const answers = new Map();
        const codes = new Set(statement.rules ?? []);
        const weight = {violated: 3, not_assessable: 1, consistent: 2, not_observed: 0};
        for (const verdict of this.verdicts) {
            if (codes.has(verdict.code) && !(weight[answers.get(verdict.subject)] >= weight[verdict.status])) {
                answers.set(verdict.subject, verdict.status);
            }
        }
        return answers;
    }

    counts(findings = this.openFindings) {
        const counts = Object.fromEntries(SEVERITIES.map((s) => [s, 0]));
        findings.forEach((f) => counts[f.severity]++);
        return counts;
    }
}

export const buildModel = (records) => new Model(records);
