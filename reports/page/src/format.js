// format.js - numbers, sizes and times as people read them; all times in UTC.

const grouped = new Intl.NumberFormat('en-US');
const compact = new Intl.NumberFormat('en-US', {notation: 'compact', maximumFractionDigits: 1});
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
export const DAY = 86400000;

export const number = (n) => grouped.format(n ?? 0);
export const short = (n) => compact.format(n ?? 0);
export const plural = (n, one, many = one + 's') => `${number(n)} ${n === 1 ? one : many}`;

export function size(octets) {
    let n = octets ?? 0,
        unit = 0;
    for (; n >= 999.5 && unit < 4; unit++) {
        n /= 1000;
    }
    return `${unit > 0 && n < 9.95 ? n.toFixed(1) : Math.round(n)} ${['B', 'kB', 'MB', 'GB', 'TB'][unit]}`;
}

export const millis = (text) => (text ? Date.parse(text) : NaN);
const two = (n) => String(n).padStart(2, '0');

export function day(text) {
    const d = new Date(text);
    return Number.isNaN(+d) ? String(text ?? '') : `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`;
}

export function clock(text) {
    const d = new Date(text);
    return Number.isNaN(+d) ? '' : `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

export const moment = (text) => (text ? `${day(text)}, ${clock(text)}` : '');
/** With the fraction that the capture has: "07:12:44.132408". */
export const exact = (text) => /T([\d:.]+)/.exec(text ?? '')?.[1] ?? '';

export function span(from, to) {
    if (!from || !to) {
        return moment(from ?? to);
    }
    if (day(from) !== day(to)) {
        return `${day(from)} to ${day(to)}`;
    }
    const cut = millis(to) - millis(from) < 600000 ? 8 : 5;
    return `${day(from)}, ${clock(from).slice(0, cut)} to ${clock(to).slice(0, cut)} UTC`;
}

export function duration(ms) {
    const seconds = ms / 1000;
    if (seconds < 90) {
        return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
    }
    if (seconds < 5400) {
        return `${Math.round(seconds / 60)} min`;
    }
    return seconds < 172800
        ? `${(seconds / 3600).toFixed(1).replace(/\.0$/, '')} h`
        : `${Math.round(seconds / 86400)} days`;
}

/** Octets in pairs, four pairs apart from the next four. */
export const octets = (hex) => (hex.match(/.{1,8}/g) ?? []).map((four) => four.match(/.{1,2}/g).join(' '));

/** A name that carries control or direction characters is shown with these made visible. */
export const visible = (text) =>
    String(text ?? '').replace(
        /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
        (c) => `\u2039${c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}\u203a`,
    );
