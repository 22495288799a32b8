// findings.js - all findings: search, filters, and three ways to lay them out.
import {announce, append, el, replace} from '../dom.js';
import {clock, day, millis, moment, number, plural} from '../format.js';
import {SEVERITIES, isOpen, lengthen, rank} from '../model.js';
import {linkTo, rememberWords} from '../route.js';
import {choice, pageHead, picker, searchField, toggles} from '../parts/frame.js';

import {hostLink, severityMark, wireName} from '../parts/marks.js';
import {dataTable} from '../parts/table.js';

const FIRST_OPEN = 3; // groups, where they are few
const GROUPS_AT_ONCE = 60;

function matches(finding, text) {
    finding.text ??= [
        finding.code,
        finding.rule,
        finding.title,
        finding.id,
        finding.from,
        finding.to,
        finding.client?.ip,
        finding.server?.ip,
        finding.server?.port,
        finding.client?.group,
        lengthen(finding).explanation,
        ...(finding.statements ?? []),
        ...(finding.evidence ?? []).map((e) => e.says),
    ]
        .join(' ')
        .toLowerCase();
    return text.every((word) => finding.text.includes(word));
}

function filterFindings(model, words) {
    const severities = words.severity ? new Set(words.severity.split(',')) : null;
    const text = (words.q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
    const from = words.from ? millis(words.from) : -Infinity,
        to = words.to ? millis(words.to) : Infinity;
    return model.findings.filter(
        (f) =>
            (!severities || severities.has(f.severity)) &&
            (words.accepted === 'only' ? Boolean(f.accepted) : words.accepted === 'with' || isOpen(f)) &&
            (!words.chapter || f.about.chapter === words.chapter) &&
            (!words.confidence || f.confidence === words.confidence) &&
            (!words.client || f.from === words.client || f.client?.group === words.client) &&
            (!words.server || f.to === words.server) &&
            f.at <= to &&
            f.until >= from &&
            matches(f, text),
    );
}

const ends = (f, side) => {
    const party = f[side];
    const name = side === 'client' ? f.from : f.to;
    return (
        party && [
            hostLink(f[`${side}Host`], name),
            el(
                'span',
                {class: 'dim small'},
                [(party.name ?? party.learned_name) && party.ip, party.group, party.port && `port ${party.port}`]
                    .filter(Boolean)
                    .join(', '),
            ),
        ]
    );
};

const COLUMNS = {
    severity: {label: 'Severity', value: (f) => rank(f.severity), cell: (f) => severityMark(f.severity)},
    rule: {
        label: 'Rule',
        value: (f) => f.code,
        cell: (f) => el('a', {href: linkTo('finding', f.id)}, f.code, ' ', f.title),
    },
    client: {label: 'Client', value: (f) => f.from, cell: (f) => ends(f, 'client')},
    server: {label: 'Server', value: (f) => f.to, cell: (f) => ends(f, 'server')},
    first: {
        label: 'First seen',
        value: (f) => f.at,
        cell: (f) => [clock(f.first), el('span', {class: 'dim small'}, day(f.first))],
    },
    count: {label: 'Times', kind: 'num', value: (f) => f.count, cell: (f) => number(f.count)},
    confidence: {label: 'Confidence', value: (f) => f.confidence},
    open: {
        label: 'Evidence',
        sort: false,
        cell: (f) =>
            el(
                'a',
                {
                    class: 'go',
                    href: linkTo('finding', f.id),
                    'aria-label': `${isOpen(f) ? 'Open' : 'Accepted'}: ${f.code}, ${f.from} to ${f.to}`,
                },
                isOpen(f) ? 'Open' : 'Accepted',
            ),
    },
};

export function findingTable(findings, names, options = {}) {
    return dataTable({
        caption: 'Findings',
        rows: findings,
        pageSize: 25,
        ...options,
        columns: names.map((n) => COLUMNS[n]),
    });
}

/** Groups that open: heading now, content when it is asked for. */
function groupList(groups, draw) {
    const list = el('div', {class: 'groups'});
    const one = (group, i) => {
        const box = el(
            'details',
            {class: 'group', open: i < FIRST_OPEN && groups.length <= 12, ontoggle: () => fillOnce()},
            el(
                'summary',
                {},
                severityMark(group.worst),
                el('span', {class: 'group-name'}, group.name),
                el('span', {class: 'count'}, plural(group.findings.length, 'finding')),
            ),
        );
        let filled = false;
        function fillOnce() {
            if (!filled && box.open) {
                filled = true;
                box.append(el('div', {class: 'group-body'}, draw(group)));
            }
        }
        fillOnce();
        return box;
    };
    let shown = 0;
    const more = el('button', {type: 'button', class: 'quiet', onclick: () => add()});
    function add() {
        const next = groups.slice(shown, shown + GROUPS_AT_ONCE);
        more.remove();
        append(
            list,
            next.map((group, i) => one(group, shown + i)),
        );
        shown += next.length;
        if (shown < groups.length) {
            more.textContent = `Show more: ${number(groups.length - shown)} are left`;
            list.append(more);
        }
    }
    add();
    return list;
}

function collect(findings, keys) {
    const groups = new Map();
    for (const f of findings) {
        for (const [key, name] of keys(f)) {
            const group = groups.get(key) ?? {key, name, findings: [], worst: f.severity};
            group.worst = rank(f.severity) < rank(group.worst) ? f.severity : group.worst;
            group.findings.push(f);
            groups.set(key, group);
        }
    }
    return [...groups.values()].sort(
        (a, b) =>
            rank(a.worst) - rank(b.worst) ||
            b.findings.length - a.findings.length ||
            (String(a.key.code ?? a.key.name) < String(b.key.code ?? b.key.name) ? -1 : 1),
    );
}

const byRule = (findings) =>
    groupList(
        collect(findings, (f) => [[f.about, [el('span', {class: 'code'}, f.code), f.title]]]).map((g) => ({
            ...g,
            name: [el('span', {class: 'code'}, g.key.code), g.key.title],
        })),
        ({key: rule, findings: rows}) => [
            el('p', {}, rule.means),
            el(
                'p',
                {},
                el('strong', {}, 'Remedy: '),
                rule.remediation ?? lengthen(rows[0]).remediation,
                ' ',
                el('a', {href: linkTo('rule', rule.code)}, `More about ${rule.code}`),
            ),
            findingTable(rows, ['client', 'server', 'first', 'count', 'confidence', 'open'], {pageSize: 10}),
        ],
    );

const byHost = (findings) =>
    groupList(
        collect(findings, (f) => [...f.ends].map((h) => [h, h.name])).map((g) => ({...g, name: wireName(g.key.name)})),
        ({key: host, findings: rows}) => [
            el(
                'p',
                {},
                (host.roles ?? []).join(', ') || host.group || 'not declared',
                ' \u00b7 ',
                el('a', {href: linkTo('host', host.key)}, 'Everything about this host'),
            ),
            findingTable(rows, ['severity', 'rule', 'client', 'server', 'count'], {pageSize: 10}),
        ],
    );

const flat = (findings) =>
    findingTable(findings, ['severity', 'rule', 'client', 'server', 'first', 'count'], {pageSize: 50});
const LAYOUTS = {rule: byRule, host: byHost, list: flat};

const CONFIDENCES = [
    ['', 'Any confidence'],
    ['proven', 'Proven'],
    ['derived', 'Derived'],
    ['inferred', 'Inferred'],
];
const ACCEPTED = [
    ['', 'Open only'],
    ['with', 'With accepted'],
    ['only', 'Accepted only'],
];
const GROUPINGS = [
    ['rule', 'By rule'],
    ['host', 'By host'],
    ['list', 'List'],
];

function filterBar(model, words, set) {
    const counts = model.counts(model.findings);
    const chosen = new Set(words.severity?.split(',') ?? []);
    const chapters = [...new Set(model.findings.map((f) => f.about.chapter))]
        .sort()
        .map((c) => [c, model.chapterName(c)]);
    const shown = SEVERITIES.filter((s) => counts[s] > 0);
    const mark = (s) => [
        el('span', {class: `dot fill-${s}`, 'aria-hidden': 'true'}),
        s,
        el('span', {class: 'dim'}, ' ', number(counts[s])),
    ];
    return el(
        'div',
        {class: 'filters', role: 'search', 'aria-label': 'Filter findings'},
        searchField('Search findings', words.q ?? '', (q) => set({q})),
        toggles('Severity', shown, chosen, () => set({severity: [...chosen].join(',')}), mark),
        picker('Chapter', [['', 'All chapters'], ...chapters], words.chapter, (chapter) => set({chapter})),
        picker('Confidence', CONFIDENCES, words.confidence, (confidence) => set({confidence})),
        picker('Accepted', ACCEPTED, words.accepted, (accepted) => set({accepted})),
        choice('Group by', GROUPINGS, words.group ?? 'rule', (group) => set({group})),
    );
}

// What a link to this page asked for, and no field of the filters shows.
function askedFor(words, set) {
    const time = `${words.from ? moment(words.from) : ''} to ${words.to ? moment(words.to) : ''}`;
    const asked = [
        words.client && `client ${words.client}`,
        words.server && `server ${words.server}`,
        (words.from || words.to) && time,
    ].filter(Boolean);
    const all = el(
        'button',
        {type: 'button', class: 'quiet', onclick: () => set({client: '', server: '', from: '', to: ''})},
        'Show all',
    );
    return asked.length > 0 && ['Only ', asked.join(', '), ' ', all];
}

export function findingsPage(model, route) {
    const words = {...route.words};
    const result = el('div', {class: 'result'});
    const count = el('p', {class: 'result-count'});
    const limits = el('p', {class: 'limits'});

    function draw() {
        const findings = filterFindings(model, words);
        const layout = LAYOUTS[words.group in LAYOUTS ? words.group : 'rule'];
        replace(
            count,
            plural(findings.length, 'finding'),
            findings.length !== model.findings.length && ` of ${number(model.findings.length)}`,
        );
        announce(count.textContent);
        replace(limits, askedFor(words, set));
        replace(
            result,
            findings.length ? layout(findings) : el('p', {class: 'none'}, 'No finding fits. Take a filter away.'),
        );
    }

    function set(change) {
        Object.assign(words, change);
        rememberWords('findings', words);
        draw();
    }

    draw();
    return [
        pageHead('Findings'),
        filterBar(model, words, set),
        el('div', {class: 'result-line'}, count, limits),
        result,
    ];
}
