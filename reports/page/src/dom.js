// dom.js - makes elements. Every text becomes a text node: nothing of the report is ever read as markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (value === undefined || value === null || value === false) {
            continue;
        }
        if (name.startsWith('on')) {
            node.addEventListener(name.slice(2), value);
        } else if (name === 'style') {
            for (const [key, text] of Object.entries(value)) {
                node.style.setProperty(key, text);
            }
        } else {
            node.setAttribute(name, value === true ? '' : value);
        }
    }
    append(node, children);
    return node;
}

export function append(node, children) {
    for (const child of [children].flat(Infinity)) {
        if (child !== undefined && child !== null && child !== false) {
            node.append(child instanceof Node ? child : String(child));
        }
    }
}

/** el('a', {class: 'x', href: '#', onclick: f}, 'text', [nodes]) */
export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

export function replace(node, ...children) {
    node.replaceChildren();
    append(node, children);
}

let lastId = 0;
export const newId = (word) => `${word}-${++lastId}`;

/** Says something to screen readers without showing it. */
export function announce(text) {
    const box = document.getElementById('announcer');
    if (box) {
        box.textContent = text;
    }
}
