// hosts.js - every host that was seen or declared.
import {announce, el, replace} from '../dom.js';
import {number, plural, size} from '../format.js';
import {rank} from '../model.js';
import {rememberWords} from '../route.js';
import {pageHead, picker, searchField} from '../parts/frame.js';
import {hostLink, severityMark} from '../parts/marks.js';
import {dataTable} from '../parts/table.js';

const HOST_COLUMNS = [
    {
        label: 'Host',
        value: (h) => h.name,
        cell: (h) => [hostLink(h), el('span', {class: 'dim small'}, h.ips?.filter((ip) => ip !== h.name).join(', '))],
    },
    {
        label: 'Roles',
        value: (h) => (h.roles ?? []).join(', '),
        cell: (h) =>
            h.roles?.length
                ? h.roles.join(', ')
                : el('span', {class: 'dim'}, h.group ? `client, ${h.group}` : h.declared ? 'no role' : 'not declared'),
    },
    {label: 'Site', value: (h) => h.site ?? ''},
    {label: 'Forest', value: (h) => h.forest ?? ''},
    {label: 'Zone', value: (h) => h.zone ?? ''},
    {
        label: 'Worst',
        value: (h) => (h.worst ? rank(h.worst) : 9),
        cell: (h) => h.findings > 0 && h.worst && severityMark(h.worst),
    },
    {label: 'Findings', kind: 'num', value: (h) => h.findings, cell: (h) => number(h.findings)},
    {
        label: 'Traffic',
        kind: 'num',
        value: (h) => (h.bytes_sent ?? 0) + (h.bytes_received ?? 0),
        cell: (h) => size((h.bytes_sent ?? 0) + (h.bytes_received ?? 0)),
    },
];

const options = (hosts, name, value) => [
    ['', name],
    ...[...new Set(hosts.flatMap(value).filter(Boolean))].sort().map((v) => [v, v]),
];

const KINDS = {findings: (h) => h.findings > 0, declared: (h) => h.declared, undeclared: (h) => !h.declared};

function fits(host, words) {
    const text = [host.name, ...(host.ips ?? []), ...(host.roles ?? []), host.group, host.site].join(' ').toLowerCase();
    const wanted = (words.q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
    return (
        ['site', 'forest', 'zone'].every((key) => !words[key] || host[key] === words[key]) &&
        (!words.role || host.roles?.includes(words.role)) &&
        (KINDS[words.kind]?.(host) ?? true) &&
        wanted.every((w) => text.includes(w))
    );
}

function filterBar(model, words, set) {
    return el(
        'div',
        {class: 'filters', role: 'search', 'aria-label': 'Filter hosts'},
        searchField('Search hosts', words.q ?? '', (q) => set({q})),
        picker(
            'Role',
            options(model.hosts, 'All roles', (h) => h.roles ?? []),
            words.role,
            (role) => set({role}),
        ),
        picker(
            'Site',
            options(model.hosts, 'All sites', (h) => h.site),
            words.site,
            (site) => set({site}),
        ),
        picker(
            'Forest',
            options(model.hosts, 'All forests', (h) => h.forest),
            words.forest,
            (forest) => set({forest}),
        ),
        picker(
            'Zone',
            options(model.hosts, 'All zones', (h) => h.zone),
            words.zone,
            (zone) => set({zone}),
        ),
        picker(
            'Which',
            [
                ['', 'All hosts'],
                ['findings', 'With findings'],
                ['declared', 'Declared'],
                ['undeclared', 'Not declared'],
            ],
            words.kind,
            (kind) => set({kind}),
        ),
    );
}

export function hostsPage(model, route) {
    const words = {...route.words};
    const count = el('p', {class: 'result-count'});
    const table = dataTable({
        caption: 'Hosts',
        rows: [],
        pageSize: window.innerWidth < 700 ? 20 : 50,
        columns: HOST_COLUMNS,
        sort: {column: 6, down: true},
        empty: 'No host fits.',
    });

    function draw() {
        const rows = model.hosts.filter((h) => fits(h, words));
        table.setRows(rows);
        replace(
            count,
            plural(rows.length, 'host'),
            rows.length !== model.hosts.length && ` of ${number(model.hosts.length)}`,
        );
        announce(count.textContent);
    }
    const set = (change) => {
        Object.assign(words, change);
        rememberWords('hosts', words);
        draw();
    };
    draw();
    return [pageHead('Hosts'), filterBar(model, words, set), el('div', {class: 'result-line'}, count), table];
}
