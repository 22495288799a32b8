// capture.js - what was read, what was lost, and what made this file.
import {el} from '../dom.js';
import {millis, duration, moment, number, size, visible} from '../format.js';
import {facts, pageHead, panel} from '../parts/frame.js';
import {qualityLines} from '../parts/quality.js';
import {dataTable} from '../parts/table.js';

export function inputFacts(model) {
    const {summary, audit} = model;
    const input = summary.input ?? {};
    return facts([
        [
            'Input',
            el(
                'ul',
                {class: 'plain-list'},
                (audit.inputs ?? input.files ?? []).map((f) => el('li', {class: 'wire'}, visible(f))),
            ),
        ],
        ['From', moment(model.start)],
        ['To', moment(model.end)],
        ['Length', model.start && duration(millis(model.end) - millis(model.start))],
        ['Packets', number(input.packets)],
        ['Size', size(input.bytes)],
        ['Conversations', number(summary.flows)],
        ['Policy', audit.policy ?? summary.policy?.path],
        ['Its SHA-256', el('code', {class: 'hash'}, audit.policy_sha256 ?? summary.policy?.sha256 ?? '')],
        ['Profile', audit.profile],
        ['Made by', `${audit.tool ?? 'rolecall'} ${audit.version ?? summary.version ?? ''}`],
        ['Made on', audit.generated && moment(audit.generated) + ' UTC'],
    ]);
}

function hidden(model) {
    const reasons = new Map();
    for (const v of model.verdicts) {
        if (v.status === 'not_assessable') {
            const row = reasons.get(v.because) ?? {because: v.because, rules: new Set(), subjects: new Set()};
            row.rules.add(v.code);
            row.subjects.add(v.subject);
            reasons.set(v.because, row);
        }
    }
    return [...reasons.values()].sort((a, b) => b.subjects.size - a.subjects.size);
}

export function hiddenTable(model, pageSize = 20) {
    const rows = hidden(model);
    return rows.length
        ? dataTable({
              caption: 'What hid an answer',
              rows,
              pageSize,
              columns: [
                  {label: 'Reason', value: (r) => visible(r.because)},
                  {label: 'Rules', value: (r) => [...r.rules].join(' ')},
                  {label: 'Subjects', kind: 'num', value: (r) => r.subjects.size, cell: (r) => number(r.subjects.size)},
              ],
          })
        : el('p', {class: 'none'}, 'Nothing that was seen hid an answer.');
}

function licences() {
    const rows = JSON.parse(document.getElementById('licences').textContent);
    return el(
        'details',
        {class: 'licences'},
        el('summary', {}, 'Licences of what this page is built on'),
        rows.map((l) => el('section', {}, el('h3', {}, `${l.name} ${l.version}, ${l.licence}`), el('pre', {}, l.text))),
    );
}

export function capturePage(model) {
    const protocols = Object.entries(model.summary.protocols ?? {}).map(([name, n]) => ({name, n}));
    return [
        pageHead('The capture and this report'),
        el(
            'div',
            {class: 'columns'},
            panel('What was read', inputFacts(model)),
            panel('Capture quality', qualityLines(model)),
        ),
        el(
            'div',
            {class: 'columns'},
            panel('Seen, but something hid the answer', hiddenTable(model)),
            panel(
                'Conversations by protocol',
                dataTable({
                    caption: 'Protocols',
                    rows: protocols,
                    pageSize: 20,
                    sort: {column: 1, down: true},
                    columns: [
                        {label: 'Protocol', value: (p) => p.name},
                        {label: 'Conversations', kind: 'num', value: (p) => p.n, cell: (p) => number(p.n)},
                    ],
                }),
            ),
        ),
        panel(
            'This file',
            el(
                'p',
                {},
                'It is one file, holds everything it shows and reaches nothing: the browser is told to let it load nothing from anywhere. It may be kept, mailed and opened from disk.',
            ),
            model.shortened && el('p', {}, visible(model.shortened.says)),
            licences(),
        ),
    ];
}
