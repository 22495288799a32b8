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
    const input = el('input', {
        type: 'datetime-local',
        step: '1',
        value: inputValue(value),
        onchange: () => onchange(Date.parse(input.value + 'Z')),
    });
    return [el('label', {class: 'field'}, label, input), input];
}

const iso = (ms) => new Date(ms).toISOString();
const severityDot = (s) => [el('span', {class: `dot fill-${s}`, 'aria-hidden': 'true'}), s];

class TimeLine {
    constructor(model, words) {
        this.model = model;
        this.whole = [millis(model.start), millis(model.end)];
        this.measure = words.measure ?? 'bytes';
        this.hidden = new Set();
        this.severities = new Set(SEVERITIES);
        this.from = words.from ? millis(words.from) : this.whole[0];
        this.to = words.to ? millis(words.to) : this.whole[1];
        [this.chart, this.result, this.legend] = [el('div'), el('div'), el('div')];
        [this.fromLabel, this.fromInput] = timeField('From', this.from, (ms) => this.choose(ms, this.to));
        [this.toLabel, this.toInput] = timeField('To', this.to, (ms) => this.choose(this.from, ms));
    }

    findings() {
        return this.model.openFindings.filter((f) => this.severities.has(f.severity));
    }

    choose(from = this.whole[0], to = this.whole[1]) {
        Object.assign(this, {from, to});
        this.fromInput.value = inputValue(from);
        this.toInput.value = inputValue(to);
        const {measure} = this;
        rememberWords(
            'timeline',
            from === this.whole[0] && to === this.whole[1] ? {measure} : {measure, from: iso(from), to: iso(to)},
        );
        this.list();
    }

    list() {
        const {from, to} = this;
        const rows = this.findings()
            .filter((f) => f.at <= to + 999 && f.until >= from)
            .sort((a, b) => a.at - b.at);
        const text = `${plural(rows.length, 'finding')} between ${day(from)} ${clock(from)} and ${day(to)} ${clock(to)} UTC `;
        const link = el('a', {href: linkToPage('findings', {from: iso(from), to: iso(to)})}, 'Show among the findings');
        replace(
            this.result,
            el('p', {class: 'result-count', role: 'status'}, text, link),
            findingTable(rows, ['first', 'severity', 'rule', 'client', 'server', 'count'], {
                pageSize: 15,
                sort: {column: 0},
            }),
        );
    }

    draw() {
        const {model, measure, hidden} = this;
        replace(
            this.chart,
            trafficChart(model, {
                measure,
                hidden,
                findings: this.findings(),
                onrange: (from, to) => this.choose(from, to),
                legend: false,
            }),
        );
        const names = protocolsOf(model, measure);
        const shown = new Set(names.filter((n) => !hidden.has(n)));
        const places = [...shown];
        replace(
            this.legend,
            toggles(
                'Protocols',
                names,
                shown,
                () => {
                    this.hidden = new Set(names.filter((n) => !shown.has(n)));
                    this.draw();
                },
                (n) => [el('span', {class: `dot proto-${places.indexOf(n)}`, 'aria-hidden': 'true'}), n],
            ),
        );
    }

    controls() {
        const measures = [
            ['bytes', 'Bytes'],
            ['flows', 'Conversations'],
        ];
        return el(
            'div',
            {class: 'filters'},
            choice('Measure', measures, this.measure, (measure) => {
                this.measure = measure;
                this.draw();
            }),
            toggles(
                'Severity',
                SEVERITIES,
                this.severities,
                () => {
                    this.draw();
                    this.list();
                },
                severityDot,
            ),
            this.fromLabel,
            this.toLabel,
            el(
                'button',
                {
                    type: 'button',
                    class: 'quiet',
                    onclick: () => {
                        this.choose();
                        this.draw();
                    },
                },
                'All of it',
            ),
        );
    }
}

export function timelinePage(model, route) {
    const line = new TimeLine(model, route.words);
    line.draw();
    line.list();
    return [
        pageHead('Time line', 'Drag over the chart to look into a part of it, or type its beginning and end.'),
        panel(null, line.controls(), line.chart, line.legend),
        panel('Findings of this time', line.result),
    ];
}
