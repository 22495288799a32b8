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
const SEEN = {yes: 'packets show it', partly: 'packets show part of it', hints: 'packets give hints', no: 'packets cannot tell'};

const ruleLinks = (codes) => (codes ?? []).map((code, i) => [i > 0 && ' ', el('a', {href: linkTo('rule', code)}, code)]);

function list(rows) {
    return dataTable({caption: 'Statements', rows, pageSize: 120, columns: [
        {label: 'No.', value: (s) => s.id, cell: (s) => el('a', {href: linkTo('statement', s.id)}, s.id)},
        {label: 'It demands', value: (s) => s.demands, cell: (s) => [s.demands, el('span', {class: 'dim small'}, visible(s.because))]},
        {label: 'Answer', value: (s) => STATUSES.indexOf(s.status), cell: (s) => statusMark(s.status)},
        {label: 'Rules', value: (s) => (s.rules ?? []).join(' '), cell: (s) => ruleLinks(s.rules)},
        {label: 'Looked at', kind: 'num', value: (s) => s.observed, cell: (s) => number(s.observed)}]});
}

// Hosts of which some rule said something that matters first.
function subjects(model) {
    const weight = new Map();
    for (const v of model.verdicts) {
        weight.set(v.subject, (weight.get(v.subject) ?? 0) + (v.status === 'violated' ? 1000 : v.status === 'not_observed' ? 0 : 1));
    }
    return [...weight].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([name]) => name);
}

function matrix(model, statements, state, redraw) {
    const names = subjects(model).filter((n) => !state.host || n.toLowerCase().includes(state.host.toLowerCase()));
    const shown = names.slice(state.page * HOSTS_AT_ONCE, (state.page + 1) * HOSTS_AT_ONCE);
    const turn = (by) => {
        state.page += by;
        redraw();
    };
    const rows = statements.filter((s) => s.rules?.length);
    return [
        el('div', {class: 'result-line'}, searchField('Search hosts', state.host ?? '', (host) => {
            state.host = host;
            state.page = 0;
            redraw();
        }), el('nav', {class: 'pager', 'aria-label': 'Hosts shown'}, el('button', {type: 'button', disabled: state.page === 0, 'aria-label': 'Previous hosts', onclick: () => turn(-1)}, '\u2039'),
            el('span', {}, `hosts ${number(Math.min(names.length, state.page * HOSTS_AT_ONCE + 1))}\u2013${number(Math.min(names.length, (state.page + 1) * HOSTS_AT_ONCE))} of ${number(names.length)}`),
            el('button', {type: 'button', disabled: (state.page + 1) * HOSTS_AT_ONCE >= names.length, 'aria-label': 'Next hosts', onclick: () => turn(1)}, '\u203a'))),
        el('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Statements by host'}, el('table', {class: 'matrix'}, el('caption', {class: 'hidden'}, 'Statements by host'),
            el('thead', {}, el('tr', {}, el('th', {scope: 'col'}, 'Statement'), shown.map((name) => el('th', {scope: 'col', class: 'turned'}, el('span', {}, hostLink(model.hostByName.get(name), name)))))),
            el('tbody', {}, rows.map((s) => {
                const answers = model.statementBySubject(s);
                return el('tr', {}, el('th', {scope: 'row'}, el('a', {href: linkTo('statement', s.id)}, s.id), ' ', el('span', {class: 'dim'}, s.demands)), shown.map((name) => el('td', {class: `at status-${answers.get(name) ?? 'none'}`}, answers.has(name) ? statusCell(answers.get(name)) : '')));
            }))))];
}

export function statementsPage(model, route) {
    const words = {...route.words};
    const state = {page: 0, host: words.host};
    const result = el('div', {class: 'result'});
    const count = el('p', {class: 'result-count'});
    function draw() {
        const text = (words.q ?? '').toLowerCase();
        const rows = model.statements.filter((s) => (!words.status || s.status === words.status) && (!text || `${s.id} ${s.demands} ${s.because} ${(s.rules ?? []).join(' ')}`.toLowerCase().includes(text)));
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
    return [pageHead('Statements of the specification'), panel(null, statementBar(model)),
        el('div', {class: 'filters', role: 'search', 'aria-label': 'Filter statements'}, searchField('Search statements', words.q ?? '', (q) => set({q})),
            picker('Answer', [['', 'All answers'], ...STATUSES.map((s) => [s, STATUS_WORDS[s]])], words.status, (status) => set({status})),
            choice('Show', [['list', 'As a list'], ['hosts', 'By host']], words.view ?? 'list', (view) => set({view}))),
        el('div', {class: 'result-line'}, count), result];
}

export function statementPage(model, id) {
    const statement = model.statementById.get(id);
    if (!statement) {
        return [pageHead('No such statement', `This report has no statement ${visible(id)}.`), back('#statements', 'Statements')];
    }
    const answers = [...model.statementBySubject(statement)].sort((a, b) => STATUSES.indexOf(a[1]) - STATUSES.indexOf(b[1]) || (a[0] < b[0] ? -1 : 1));
    const findings = model.findings.filter((f) => f.statements?.includes(id)).sort((a, b) => rank(a.severity) - rank(b.severity));
    return [
        back('#statements', 'Statements'),
        pageHead(`${statement.id}: ${statement.demands}`, null, el('p', {class: 'tags'}, statusMark(statement.status))),
        panel(null, facts([['Because', visible(statement.because)], ['In traffic', SEEN[statement.seen] ?? statement.seen], ['Judged by', statement.rules?.length && el('span', {}, ruleLinks(statement.rules))], ['Not judged here', statement.not_judged?.length && statement.not_judged.join(' ')], ['Looked at', plural(statement.observed ?? 0, 'message or connection', 'messages or connections')], ['Findings that rest on it', findings.length > 0 && link(`#findings&q=${id}`, number(findings.length))]])),
        answers.length > 0 && panel('Host by host', dataTable({caption: `Answers to ${id} by host`, rows: answers, pageSize: 25, columns: [
            {label: 'Host', value: (a) => a[0], cell: (a) => hostLink(model.hostByName.get(a[0]), a[0])}, {label: 'Answer', value: (a) => STATUSES.indexOf(a[1]), cell: (a) => statusMark(a[1])}]})),
    ];
}
