// route.js - what the address says is shown: "#finding=ID", "#host=NAME", or "#findings&severity=high&q=smb".

export const PAGES = ['summary', 'findings', 'hosts', 'map', 'timeline', 'statements', 'chapters', 'capture'];
const THINGS = {
    finding: 'findings',
    host: 'hosts',
    rule: 'chapters',
    chapter: 'chapters',
    statement: 'statements',
    flow: 'map',
};

const decode = (text) => {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
};

/** {page, thing?, id?, words: {severity: 'high', ...}} */
export function parseRoute(hash) {
    const [head, ...rest] = hash.replace(/^#/, '').split('&');
    const words = {};
    for (const part of rest) {
        const at = part.indexOf('=');
        if (at > 0) {
            words[decode(part.slice(0, at))] = decode(part.slice(at + 1));
        }
    }
    const [thing, ...id] = head.split('=');
    if (thing in THINGS && id.length > 0) {
        return {page: THINGS[thing], thing, id: decode(id.join('=')), words};
    }
    return {page: PAGES.includes(thing) ? thing : 'summary', words};
}

export const linkTo = (thing, id) => `#${thing}=${encodeURIComponent(id)}`;

export function linkToPage(page, words = {}) {
    return (
        '#' +
        [
            page,
            ...Object.entries(words)
                .filter(([, value]) => value !== undefined && value !== '' && value !== null)
                .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`),
        ].join('&')
    );
}

/** Keeps the address in step with filters without a new entry in the history. */
export function rememberWords(page, words) {
    history.replaceState(null, '', linkToPage(page, words));
}
