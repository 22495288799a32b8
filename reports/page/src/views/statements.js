// statements.js - the specification's statements: answered as a list, and host by host.
import {announce, el, replace} from '../dom.js';
import {number, plural, visible} from '../format.js';
import {STATUSES, STATUS_WORDS, rank} from '../model.js';
import {linkTo, rememberWords} from '../route.js';
import {back, choice, facts, pageHead, panel, picker, searchField} from '../parts/frame.js';
import {hostLink, link, statusCell, statusMark} from '../parts/marks.js';
import {dataTable} from '../parts/table.js';
import {statementBar} from './summary.js';

const HOSTS_AT_ONCE = 16;
const SEEN = {
    yes: 'packets show it',
    partly: 'packets show part of it',
    hints: 'packets give hints',
    no: 'packets cannot tell',
};

const ruleLinks = (codes) =>
    (codes ?? []).map((code, i) => [i > 0 && ' ', el('a', {href: linkTo('rule', code)}, code)]);

function list(rows) {
    return dataTable({
        caption: 'Statements',
        rows,
        pageSize: 120,
        columns: [
            {label: 'No.', value: (s) => s.id, cell: (s) => el('a', {href: linkTo('statement', s.id)}, s.id)},
            {
                label: 'It demands',
                value: (s) => s.demands,
                cell: (s) => [s.demands, el('span', {class: 'dim small'}, visible(s.because))],
            },
            {label: 'Answer', value: (s) => STATUSES.indexOf(s.status), cell: (s) => statusMark(s.status)},
            {label: 'Rules', value: (s) => (s.rules ?? []).join(' '), cell: (s) => ruleLinks(s.rules)},
            {label: 'Looked at', kind: 'num', value: (s) => s.observed, cell: (s) => number(s.observed)},
        ],
    });
}

// Hosts of which some rule said something that matters first.
function subjects(model) {
    const weight = new Map();
    for (const v of model.verdicts) {
        weight.set(
            v.subject,
            (weight.get(v.subject) ?? 0) + (v.status === 'violated' ? 1000 : v.status === 'not_observed' ? 0 : 1),
        );
    }
    return [...weight].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([name]) => name);
}

function matrixTable(model, rows, names) {
    const headings = names.map((name) =>
        el('th', {scope: 'col', class: 'turned'}, el('span', {}, hostLink(model.hostByName.get(name), name))),
    );
    const cell = (status) => el('td', {class: `at status-${status ?? 'none'}`}, status && statusCell(status));
    return el(
        'table',
        {class: 'matrix'},
        el('caption', {class: 'hidden'}, 'Statements by host'),
        el('thead', {}, el('tr', {}, el('th', {scope: 'col'}, 'Statement'), headings)),
        el(
            'tbody',
            {},
            rows.map((s) => {
                const answers = model.statementBySubject(s);
                const head = el(
                    'th',
                    {scope: 'row'},
                    el('a', {href: linkTo('statement', s.id)}, s.id),
                    ' ',
                    el('span', {class: 'dim'}, s.demands),
                );
                return el(
                    'tr',
                    {},
                    head,
                    names.map((name) => cell(answers.get(name))),
                );
            }),
        ),
    );
}

// `state` is the page of hosts, and the words that their names hold.
function matrix(model, statements, state, redraw) {
    const names = subjects(model).filter((n) => !state.host || n.toLowerCase().includes(state.host.toLowerCase()));
    const first = state.page * HOSTS_AT_ONCE,
        last = Math.min(names.length, first + HOSTS_AT_ONCE);
    const set = (change) => {
        Object.assign(state, change);
        redraw();
    };
    const step = (text, name, page, disabled) =>
        el('button', {type: 'button', 'aria-label': name, disabled, onclick: () => set({page})}, text);
    const pager = el(
        'nav',
        {class: 'pager', 'aria-label': 'Hosts shown'},
        step('\u2039', 'Previous hosts', state.page - 1, state.page === 0),
        el(
            'span',
            {},
            `hosts ${number(Math.min(names.length, first + 1))}\u2013${number(last)} of ${number(names.length)}`,
        ),
        step('\u203a', 'Next hosts', state.page + 1, last === names.length),
    );
    return [
        el(
            'div',
            {class: 'result-line'},
            searchField('Search hosts', state.host ?? '', (host) => set({host, page: 0})),
            pager,
        ),
        el(
            'div',
            {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Statements by host'},
            matrixTable(
                model,
                statements.filter((s) => s.rules?.length),
                names.slice(first, last),
            ),
        ),
    ];
}

export function statementsPage(model, route) {
    const words = {...route.words};
    const state = {page: 0, host: words.host};
    const result = el('div', {class: 'result'});
    const count = el('p', {class: 'result-count'});
    function draw() {
        const text = (words.q ?? '').toLowerCase();
        const rows = model.statements.filter(
            (s) =>
                (!words.status || s.status === words.status) &&
                (!text ||
                    `${s.id} ${s.demands} ${s.because} ${(s.rules ?? []).join(' ')}`.toLowerCase().includes(text)),
        );
        replace(count, plural(rows.length, 'statement'));
        announce(count.textContent);
        replace(result, words.view === 'hosts' ? matrix(model, rows, state, draw) : list(rows));
    }
    const set = (change) => {
        Object.assign(words, change);
        rememberWords('statements', words);
        draw();
    };
    draw();
    return [
        pageHead('Statements of the specification'),
        panel(null, statementBar(model)),
        el(
            'div',
            {class: 'filters', role: 'search', 'aria-label': 'Filter statements'},
            searchField('Search statements', words.q ?? '', (q) => set({q})),
            picker(
                'Answer',
                [['', 'All answers'], ...STATUSES.map((s) => [s, STATUS_WORDS[s]])],
                words.status,
                (status) => set({status}),
            ),
            choice(
                'Show',
                [
                    ['list', 'As a list'],
                    ['hosts', 'By host'],
                ],
                words.view ?? 'list',
                (view) => set({view}),
            ),
        ),
        el('div', {class: 'result-line'}, count),
        result,
    ];
}

export function statementPage(model, id) {
    const statement = model.statementById.get(id);
    if (!statement) {
        return [
            pageHead('No such statement', `This report has no statement ${visible(id)}.`),
            back('#statements', 'Statements'),
        ];
    }
    const answers = [...model.statementBySubject(statement)].sort(
        (a, b) => STATUSES.indexOf(a[1]) - STATUSES.indexOf(b[1]) || (a[0] < b[0] ? -1 : 1),
    );
    const findings = model.findings
        .filter((f) => f.statements?.includes(id))
        .sort((a, b) => rank(a.severity) - rank(b.severity));
    return [
        back('#statements', 'Statements'),
        pageHead(`${statement.id}: ${statement.demands}`, null, el('p', {class: 'tags'}, statusMark(statement.status))),
        panel(
            null,
            facts([
                ['Because', visible(statement.because)],
                ['In traffic', SEEN[statement.seen] ?? statement.seen],
                ['Judged by', statement.rules?.length && el('span', {}, ruleLinks(statement.rules))],
                ['Not judged here', statement.not_judged?.length && statement.not_judged.join(' ')],
                ['Looked at', plural(statement.observed ?? 0, 'message or connection', 'messages or connections')],
                ['Findings that rest on it', findings.length > 0 && link(`#findings&q=${id}`, number(findings.length))],
            ]),
        ),
        answers.length > 0 &&
            panel(
                'Host by host',
                dataTable({
                    caption: `Answers to ${id} by host`,
                    rows: answers,
                    pageSize: 25,
                    columns: [
                        {label: 'Host', value: (a) => a[0], cell: (a) => hostLink(model.hostByName.get(a[0]), a[0])},
                        {label: 'Answer', value: (a) => STATUSES.indexOf(a[1]), cell: (a) => statusMark(a[1])},
                    ],
                }),
            ),
    ];
}
