// frame.js - headings, panels and lists that all pages share.
import {el} from '../dom.js';

export const pageHead = (title, lead, ...more) =>
    el('header', {class: 'page-head'}, el('h1', {tabindex: '-1'}, title), lead && el('p', {class: 'lead'}, lead), more);
export const panel = (title, ...content) => el('section', {class: 'panel'}, title && el('h2', {}, title), content);
export const prose = (title, text) => text && el('section', {class: 'prose'}, el('h2', {}, title), el('p', {}, text));
export const back = (href, text) => el('nav', {class: 'back', 'aria-label': 'Back'}, el('a', {href}, '\u2190 ', text));

/** Names and values: rows of [name, value]; those without a value are left out. */
export const facts = (rows, attributes) =>
    el(
        'dl',
        {class: 'facts', ...attributes},
        rows
            .filter(
                ([, value]) => value !== undefined && value !== null && value !== '' && value !== false && value !== 0,
            )
            .map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))),
    );

/** Buttons of which any number is down. */
export function toggles(label, names, chosen, onchange, draw = (name) => name) {
    return el(
        'div',
        {class: 'toggles', role: 'group', 'aria-label': label},
        names.map((name) => {
            const button = el(
                'button',
                {
                    type: 'button',
                    class: 'toggle',
                    'aria-pressed': String(chosen.has(name)),
                    onclick: () => {
                        chosen.has(name) ? chosen.delete(name) : chosen.add(name);
                        button.setAttribute('aria-pressed', String(chosen.has(name)));
                        onchange();
                    },
                },
                draw(name),
            );
            return button;
        }),
    );
}

/** Buttons of which one is down. */
export function choice(label, options, chosen, onchange) {
    const buttons = options.map(([value, text]) =>
        el(
            'button',
            {
                type: 'button',
                'aria-pressed': String(value === chosen),
                onclick: () => {
                    buttons.forEach((b, i) => b.setAttribute('aria-pressed', String(options[i][0] === value)));
                    onchange(value);
                },
            },
            text,
        ),
    );
    return el('div', {class: 'choice', role: 'group', 'aria-label': label}, buttons);
}

export function picker(label, options, chosen, onchange) {
    const select = el(
        'select',
        {'aria-label': label, onchange: () => onchange(select.value)},
        options.map(([value, text]) => el('option', {value, selected: value === (chosen ?? '')}, text)),
    );
    return select;
}

export function searchField(label, value, onchange) {
    let waiting;
    const input = el('input', {
        type: 'search',
        placeholder: label,
        'aria-label': label,
        value,
        autocomplete: 'off',
        spellcheck: 'false',
        oninput: () => {
            clearTimeout(waiting);
            waiting = setTimeout(() => onchange(input.value.trim()), 120);
        },
    });
    return input;
}
