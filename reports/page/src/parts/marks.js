// marks.js - the small signs that stand for severity, status, grade and links, the same everywhere.
import {el, svg} from '../dom.js';
import {visible} from '../format.js';
import {STATUS_WORDS} from '../model.js';
import {linkTo} from '../route.js';

const SIGNS = {violated: '\u2715', consistent: '\u2713', not_observed: '\u00b7', not_assessable: '?'};

export const severityMark = (severity) => el('span', {class: `sev sev-${severity}`}, severity);
export const statusMark = (status) =>
    el(
        'span',
        {class: `status status-${status}`},
        el('span', {class: 'sign', 'aria-hidden': 'true'}, SIGNS[status]),
        STATUS_WORDS[status] ?? status,
    );
export const statusCell = (status) =>
    el(
        'span',
        {class: `cell-sign status-${status}`},
        el('span', {'aria-hidden': 'true'}, SIGNS[status] ?? ''),
        el('span', {class: 'hidden'}, STATUS_WORDS[status] ?? 'no verdict'),
    );
export const gradeMark = (grade, size = '') =>
    el(
        'span',
        {class: `grade grade-${grade ?? 'none'} ${size}`, title: grade ? `grade ${grade}` : 'nothing of it was seen'},
        grade ?? '\u2013',
    );

/** A name of the wire: cut to what fits by CSS, whole in its title. */
export const wireName = (text, attributes) =>
    el('span', {class: 'wire', title: visible(text), ...attributes}, visible(text));
export const link = (href, ...content) => el('a', {href}, content);
/** To the page of a host that the report has; else the name alone. */
export const hostLink = (host, name = host.name) =>
    host
        ? el('a', {href: linkTo('host', host.key), class: 'wire', title: visible(name)}, visible(name))
        : wireName(name);
export const statementLinks = (ids, model) =>
    el(
        'span',
        {class: 'chips'},
        (ids ?? []).map((id) =>
            el('a', {href: linkTo('statement', id), class: 'chip', title: model.statementById.get(id)?.demands}, id),
        ),
    );

export function copyButton(text, what) {
    const button = el(
        'button',
        {type: 'button', class: 'quiet', 'aria-label': `Copy ${what}`, onclick: () => copy(text, button)},
        'Copy',
    );
    return button;
}

async function copy(text, button) {
    let done = true;
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        // Files opened from disk may not use the clipboard in every browser: the old way needs a selection.
        const box = el('textarea', {class: 'offscreen', 'aria-hidden': 'true'});
        box.value = text;
        document.body.append(box);
        box.select();
        done = document.execCommand('copy');
        box.remove();
        button.focus();
    }
    button.textContent = done ? 'Copied' : 'Not allowed';
    setTimeout(() => (button.textContent = 'Copy'), 1600);
}

export function icon(name) {
    const paths = {
        search: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14Zm5 12 4 4',
        sun: 'M12 7a5 5 0 1 1 0 10 5 5 0 0 1 0-10ZM12 1v3M12 20v3M1 12h3M20 12h3M4 4l2 2M18 18l2 2M20 4l-2 2M6 18l-2 2',
        moon: 'M20 14A8.5 8.5 0 0 1 10 4a8.5 8.5 0 1 0 10 10Z',
        auto: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Zm0 0v18',
        print: 'M7 8V3h10v5M7 17H4V9h16v8h-3M7 14h10v7H7Z',
        close: 'M6 6l12 12M18 6 6 18',
    };
    return svg('svg', {viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true'}, svg('path', {d: paths[name]}));
}
