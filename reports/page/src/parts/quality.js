// quality.js - what the capture lost: an audit is as good as what it was given.
import {el} from '../dom.js';
import {number, plural, size} from '../format.js';

const LOSSES = [
    ['dropped.capture', (n) => `${plural(n, 'packet')} dropped by whoever captured`],
    ['dropped.restarts', (n) => `${plural(n, 'time')} the audit had to begin anew; findings.jsonl has what was found before`],
    ['truncated.files', (n) => `${plural(n, 'file')} cut short`],
    ['truncated.packets', (n) => `${plural(n, 'packet')} captured only in part`],
    ['partial.gaps', (n, s) => `${plural(n, 'conversation')} with gaps, ${size(s.partial.missing_octets)} missing`],
    ['partial.one_sided', (n) => `${plural(n, 'connection')} of which one direction is missing`],
    ['partial.midstream', (n) => `${plural(n, 'connection')} already open when the capture began`],
    ['malformed.frames', (n) => `${plural(n, 'frame')} malformed`],
    ['malformed.cut_headers', (n) => `${plural(n, 'frame')} with headers cut off`],
    ['malformed.messages', (n) => `${plural(n, 'message')} that no specification allows`],
    ['malformed.sequence', (n) => `${plural(n, 'segment')} with impossible sequence numbers`],
    ['dropped.flows', (n) => `${plural(n, 'conversation')} given up for memory`],
    ['dropped.flows_half_open', (n) => `${plural(n, 'half-open connection')} given up for memory`],
    ['dropped.reorder_octets', (n) => `${size(n)} of late segments given up for memory`],
    ['dropped.flow_state', (n) => `${plural(n, 'conversation')} with more state than allowed`],
    ['dropped.messages_too_long', (n) => `${plural(n, 'message')} longer than is read`],
    ['dropped.records', (n) => `${plural(n, 'record')} shed`],
    ['dropped.facts', (n) => `${plural(n, 'fact')} shed`],
    ['dropped.nesting', (n) => `${plural(n, 'message')} nested deeper than is read`],
    ['dropped.fragments', (n) => `${plural(n, 'fragmented datagram')} never complete`],
    ['dropped.subjects', (n) => `${plural(n, 'subject')} beyond what rules keep`],
    ['dropped.findings', (n) => `${plural(n, 'finding')} beyond what is kept`],
    ['dropped.rule_state', (n) => `${plural(n, 'piece')} of what rules remember shed`],
];
const NOTES = [
    ['duplicates', (n) => `${plural(n, 'packet')} delivered twice, counted once`],
    ['not_ip.frames', (n) => `${plural(n, 'frame')} of other protocols than IP, not looked at`],
    ['not_ip.unknown_link', (n) => `${plural(n, 'frame')} of a link type that is not known`],
    ['input.filtered', (n) => `${plural(n, 'packet')} left out by the filter`],
];

const at = (summary, path) => path.split('.').reduce((o, key) => o?.[key], summary);
const lines = (summary, table) =>
    table.filter(([path]) => at(summary, path) > 0).map(([path, say]) => say(at(summary, path), summary));

export function qualityLines(model, brief = false) {
    const {summary} = model;
    const gaps = (summary.unseen ?? []).map(
        (gap) => `Nothing was seen from ${gap.from} to ${gap.until}: the process that audits ${gap.because}`,
    );
    const losses = [...lines(summary, LOSSES), ...gaps];
    const notes = lines(summary, NOTES);
    const shown = brief ? losses.slice(0, 5) : losses;
    return [
        el(
            'p',
            {class: losses.length ? 'verdict-line warn' : 'verdict-line good'},
            losses.length
                ? 'Something was lost: what was not seen may hide more.'
                : 'Everything in the capture was read: no drops, no cut packets, no gaps.',
        ),
        summary.input?.interrupted &&
            el('p', {class: 'verdict-line warn'}, 'The audit was stopped before the end of the capture.'),
        shown.length > 0 &&
            el(
                'ul',
                {class: 'plain-list'},
                shown.map((text) => el('li', {}, text)),
                losses.length > shown.length &&
                    el('li', {class: 'dim'}, `and ${number(losses.length - shown.length)} more`),
            ),
        !brief &&
            notes.length > 0 &&
            el(
                'ul',
                {class: 'plain-list dim'},
                notes.map((text) => el('li', {}, text)),
            ),
    ];
}
