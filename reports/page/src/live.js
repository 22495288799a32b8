// live.js - a page that rolecall serves: tells that it is live, what is new, and when nobody answers any more.
//
// New findings are counted and shown in a line at the bottom; the page itself changes only when its reader says so.
import {el, replace, svg} from './dom.js';
import {clock, number, plural, short, visible} from './format.js';
import {SEVERITIES, partyName, rank} from './model.js';
import {severityMark} from './parts/marks.js';
import {linkTo} from './route.js';
import {area} from 'd3-shape';

const SILENCE_MS = 10000; // figures come every second
const HIDDEN_MS = 60000; // a browser has few connections to one server: tabs that nobody sees give theirs back
const AGAIN_MS = [1000, 2000, 4000, 8000, 15000];
const HISTORY = 60; // seconds of traffic in the small picture
const WORDS = {
    joining: 'Connecting',
    live: 'Live',
    lost: 'Connection lost',
    ended: 'Audit ended',
    out: 'Signed out',
};

function bits(octets) {
    let n = octets * 8,
        unit = 0;
    for (; n >= 999.5 && unit < 3; unit++) {
        n /= 1000;
    }
    return `${unit > 0 && n < 99.5 ? n.toFixed(1) : Math.round(n)} ${['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'][unit]}`;
}

/** The traffic of the last minute as one shape. */
function picture(rates) {
    const width = 96,
        height = 22,
        most = Math.max(1, ...rates);
    const shape = area()
        .x((_, i) => ((HISTORY - rates.length + i) / (HISTORY - 1)) * width)
        .y0(height)
        .y1((rate) => height - (rate / most) * (height - 2));
    return svg(
        'svg',
        {class: 'live-picture', viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true', focusable: 'false'},
        rates.length > 1 && svg('path', {d: shape(rates)}),
    );
}

export class Live {
    /** `merge` fetches the data anew and redraws; `retitle` puts the number of news into the title. */
    constructor(model, {merge, retitle}) {
        Object.assign(this, {merge, retitle, state: 'joining', news: new Map(), rates: [], failures: 0, heard: 0});
        this.figures = undefined;
        this.remark = '';
        this.bar = el('section', {class: 'live-bar', 'aria-label': 'Live'});
        this.status = el('p', {class: 'live-status', role: 'status'});
        this.numbers = el('dl', {class: 'live-numbers'});
        this.asOf = el('p', {class: 'live-as-of'});
        this.toast = el('div', {class: 'toast', role: 'status', hidden: true});
        this.bar.append(this.status, this.numbers, this.asOf);
        this.take(model);
        document.addEventListener('visibilitychange', () => this.seen());
        setInterval(() => this.watch(), 1000);
        this.connect();
    }

    /** The page shows this model now. */
    take(model) {
        this.model = model;
        this.run = model.live.run;
        this.event = Math.max(model.live.event, this.event ?? 0);
        this.remark = '';
        for (const [id, finding] of this.news) {
            if (this.knows(finding)) {
                this.news.delete(id);
            }
        }
        this.draw();
    }

    knows(finding) {
        const shown = this.model.findingById.get(finding.id);
        return shown && rank(shown.severity) <= rank(finding.severity);
    }

    // ---- the connection ----

    connect() {
        clearTimeout(this.again);
        this.source?.close();
        this.heard = Date.now();
        const source = new EventSource(`/events?after=${this.event}`);
        this.source = source;
        source.onerror = () => this.source === source && this.fail();
        const on = (name, work) =>
            source.addEventListener(name, (message) => {
                if (this.source === source) {
                    this.heard = Date.now();
                    this.failures = 0;
                    this.event = Number(message.lastEventId) || this.event;
                    work(JSON.parse(message.data));
                }
            });
        on('figures', (figures) => this.takeFigures(figures));
        on('finding', (finding) => this.takeFinding(finding));
        on('policy', () => this.takeRemark('The policy was replaced, and the audit began anew.'));
        on('missed', () => this.takeRemark('More findings came than were kept for this page.'));
        on('end', () => this.end());
    }

    async fail() {
        this.source?.close();
        this.source = undefined;
        if (this.state === 'ended') {
            return;
        }
        this.lostAt ??= new Date();
        this.enter('lost');
        const wait = AGAIN_MS[Math.min(this.failures++, AGAIN_MS.length - 1)];
        this.again = setTimeout(() => this.connect(), wait);
        try {
            // An event source does not say why it failed.
            const answer = await fetch('/events', {method: 'HEAD', cache: 'no-store'});
            if (answer.status === 401) {
                clearTimeout(this.again);
                this.enter('out');
            }
        } catch {
            // nobody answers: as has been said
        }
    }

    watch() {
        if (this.source && Date.now() - this.heard > SILENCE_MS) {
            this.fail();
        }
    }

    seen() {
        clearTimeout(this.hiding);
        if (document.hidden) {
            this.hiding = setTimeout(() => {
                this.source?.close();
                this.source = undefined;
                clearTimeout(this.again);
            }, HIDDEN_MS);
        } else if (!this.source && this.state !== 'ended' && this.state !== 'out') {
            this.connect();
        }
    }

    enter(state) {
        if (this.state !== state) {
            this.state = state;
            this.draw();
        }
    }

    // ---- what comes ----

    takeFigures(figures) {
        const before = this.figures;
        const seconds =
            before && before.run === figures.run ? (Date.parse(figures.now) - Date.parse(before.now)) / 1000 : 0;
        if (seconds > 0) {
            const per = (key) => Math.max(0, (figures[key] - before[key]) / seconds);
            this.rate = {packets: per('packets'), octets: per('octets')};
            this.rates = [...this.rates, this.rate.octets].slice(-HISTORY);
        }
        this.figures = figures;
        this.lostAt = undefined;
        if (figures.run !== this.run) {
            this.run = figures.run;
            this.event = 0;
            this.news.clear();
            this.rates = [];
            this.remark = 'rolecall was started anew: this is a new audit.';
            this.connect(); // from its first event on
        }
        this.state = 'live';
        this.draw();
    }

    takeFinding(finding) {
        if (!this.knows(finding)) {
            this.news.delete(finding.id); // the newest comes last
            this.news.set(finding.id, finding);
            this.draw();
        }
    }

    takeRemark(text) {
        this.remark = text;
        this.draw();
    }

    end() {
        this.source?.close();
        this.source = undefined;
        this.enter('ended');
    }

    // ---- what is shown ----

    async show(hash) {
        try {
            this.busy = true;
            this.draw();
            await this.merge();
            if (hash) {
                location.hash = hash;
            }
        } catch (error) {
            this.remark = `Nothing new could be fetched: ${error.message}.`;
        } finally {
            this.busy = false;
            this.draw();
        }
    }

    draw() {
        this.bar.dataset.state = this.state;
        const since = this.lostAt ? ` since ${clock(this.lostAt)} UTC` : '';
        const status = WORDS[this.state] + (this.state === 'lost' ? since : '');
        if (this.status.textContent !== status) {
            replace(this.status, el('span', {class: 'live-dot', 'aria-hidden': 'true'}), status);
        }
        replace(this.numbers, this.drawNumbers());
        const made = this.model.audit.generated;
        replace(
            this.asOf,
            made && `Page of ${clock(made)} UTC`,
            this.state === 'live' &&
                el(
                    'button',
                    {type: 'button', class: 'quiet', disabled: this.busy, onclick: () => this.show()},
                    this.busy ? 'Fetching\u2026' : 'Refresh',
                ),
        );
        this.drawToast();
        this.retitle(this.news.size);
    }

    drawNumbers() {
        const f = this.figures;
        if (!f || this.state !== 'live') {
            return [];
        }
        const pair = (name, value, attributes) => el('div', attributes, el('dt', {}, name), el('dd', {}, value));
        const found = SEVERITIES.filter((s) => f.findings[s] > 0);
        return [
            this.rate && [
                pair('Packets', `${short(Math.round(this.rate.packets))}/s`),
                pair('Traffic', [bits(this.rate.octets), picture(this.rates)]),
            ],
            pair('Lost', `${number(f.dropped)} packets`, {class: f.dropped > 0 ? 'bad' : 'second'}),
            pair(
                'Findings',
                found.length > 0
                    ? found.map((s) => el('span', {class: `live-found sev-${s}`}, `${number(f.findings[s])} ${s}`))
                    : 'none',
            ),
        ];
    }

    said() {
        if (this.state === 'lost') {
            return [
                'Nobody answers at the other end: rolecall may have ended, or the way to it is cut. The page shows what it had.',
            ];
        }
        if (this.state === 'out') {
            return ['You are signed out. ', el('a', {href: '/'}, 'Sign in again'), '.'];
        }
        if (this.state === 'ended') {
            return ['rolecall ended this audit; its last report is in the folder of --report.'];
        }
        return [this.remark];
    }

    drawToast() {
        const news = [...this.news.values()];
        const newest = news.at(-1);
        const says = this.said();
        const key = `${this.state} ${this.remark} ${news.length} ${newest?.id} ${newest?.severity} ${this.busy}`;
        if (key === this.shown) {
            return; // said once, not every second
        }
        this.shown = key;
        this.toast.hidden = !says[0] && news.length === 0;
        this.toast.replaceChildren();
        if (this.toast.hidden) {
            return;
        }
        this.toast.dataset.state = this.state;
        const from = newest && [partyName(newest.client), partyName(newest.server)].filter(Boolean).join(' \u2192 ');
        const button = (text, hash, attributes) =>
            el('button', {type: 'button', disabled: this.busy, onclick: () => this.show(hash), ...attributes}, text);
        replace(
            this.toast,
            el(
                'button',
                {
                    type: 'button',
                    class: 'toast-close',
                    'aria-label': 'Put away',
                    onclick: () => (this.toast.hidden = true),
                },
                '\u00d7',
            ),
            says[0] && el('p', {}, says),
            newest && [
                el('p', {class: 'toast-count'}, el('strong', {}, plural(news.length, 'new finding'))),
                el(
                    'p',
                    {class: 'toast-newest'},
                    severityMark(newest.severity),
                    el('span', {}, el('span', {class: 'code'}, newest.code), ' ', visible(newest.title)),
                    el('span', {class: 'dim small wire'}, visible(from)),
                ),
            ],
            this.state === 'live' &&
                el(
                    'div',
                    {class: 'toast-buttons'},
                    button(newest ? 'Show in the page' : 'Show', undefined, {class: 'strong-button'}),
                    newest && button('Open the newest', linkTo('finding', newest.id), {class: 'quiet'}),
                ),
        );
    }
}
