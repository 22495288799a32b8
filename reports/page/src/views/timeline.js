// timeline.js - when it happened: findings above, traffic by protocol below, and a part of it to look into.
import {el, replace} from '../dom.js';
import {clock, day, millis, plural} from '../format.js';
import {SEVERITIES} from '../model.js';
import {linkToPage, rememberWords} from '../route.js';
import {choice, pageHead, panel, toggles} from '../parts/frame.js';
import {protocolsOf, trafficChart} from '../parts/traffic.js';
import {findingTable} from './findings.js';

const inputValue = (ms) => new Date(ms).toISOString().slice(0, 19);

function timeField(label, value, onchange) {
    const input = el('input', {type: 'datetime-local', step: '1', value: inputValue(value), onchange: () => onchange(Date.parse(input.value + 'Z'))});
    return [el('label', {class: 'field'}, label, input), input];
}

export function timelinePage(model, route) {
    const words = {...route.words};
    const all = [millis(model.start), millis(model.end)];
    const state = {measure: words.measure ?? 'bytes', hidden: new Set(), severities: new Set(SEVERITIES), from: words.from ? millis(words.from) : all[0], to: words.to ? millis(words.to) : all[1]};
    const chart = el('div'), result = el('div'), legend = el('div');
    const [fromLabel, fromInput] = timeField('From', state.from, (ms) => choose(ms, state.to));
    const [toLabel, toInput] = timeField('To', state.to, (ms) => choose(state.from, ms));

    const visibleFindings = () => model.openFindings.filter((f) => state.severities.has(f.severity));

    function choose(from = all[0], to = all[1]) {
        Object.assign(state, {from, to});
        fromInput.value = inputValue(from);
        toInput.value = inputValue(to);
        rememberWords('timeline', from === all[0] && to === all[1] ? {measure: state.measure} : {measure: state.measure, from: new Date(from).toISOString(), to: new Date(to).toISOString()});
        list();
    }

    function list() {
        const rows = visibleFindings().filter((f) => f.at <= state.to + 999 && f.until >= state.from).sort((a, b) => a.at - b.at);
        replace(result, el('p', {class: 'result-count', role: 'status'}, `${plural(rows.length, 'finding')} between ${day(state.from)} ${clock(state.from)} and ${day(state.to)} ${clock(state.to)} UTC `, el('a', {href: linkToPage('findings', {from: new Date(state.from).toISOString(), to: new Date(state.to).toISOString()})}, 'Show among the findings')),
            findingTable(rows, ['first', 'severity', 'rule', 'client', 'server', 'count'], {pageSize: 15, sort: {column: 0}}));
    }

    function draw() {
        replace(chart, trafficChart(model, {measure: state.measure, hidden: state.hidden, findings: visibleFindings(), onrange: choose, legend: false}));
        const names = protocolsOf(model, state.measure);
        const shown = new Set(names.filter((n) => !state.hidden.has(n)));
        replace(legend, toggles('Protocols', names, shown, () => {
            state.hidden = new Set(names.filter((n) => !shown.has(n)));
            draw();
        }, (n) => [el('span', {class: `dot proto-${[...names.filter((x) => shown.has(x))].indexOf(n)}`, 'aria-hidden': 'true'}), n]));
    }

    draw();
    list();
    return [pageHead('Time line', 'Drag over the chart to look into a part of it, or type its beginning and end.'),
        panel(null, el('div', {class: 'filters'}, choice('Measure', [['bytes', 'Bytes'], ['flows', 'Conversations']], state.measure, (measure) => {
            state.measure = measure;
            draw();
        }), toggles('Severity', SEVERITIES, state.severities, () => {
            draw();
            list();
        }, (s) => [el('span', {class: `dot fill-${s}`, 'aria-hidden': 'true'}), s]), fromLabel, toLabel, el('button', {type: 'button', class: 'quiet', onclick: () => {
            choose();
            draw();
        }}, 'All of it')), chart, legend),
        panel('Findings of this time', result)];
}
