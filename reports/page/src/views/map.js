// map.js - the hierarchy as a picture: move, zoom, filter, and click through to hosts and findings.
import {select} from 'd3-selection';
import {zoom, zoomIdentity} from 'd3-zoom';
import {announce, el, replace, svg} from '../dom.js';
import {number, plural, size, visible} from '../format.js';
import {SEVERITIES, rank} from '../model.js';
import {linkTo, linkToPage, rememberWords} from '../route.js';
import {choice, facts, pageHead, panel, picker, toggles} from '../parts/frame.js';
import {LANE_NAMES, layOut} from '../parts/map_layout.js';
import {drawEdge, drawMap, drawnEdges, nodeText} from '../parts/map_picture.js';
import {hostLink, severityMark, wireName} from '../parts/marks.js';
import {dataTable} from '../parts/table.js';

const MOST_IN_CELL = 6;

const protocolText = (e) =>
    [...e.protocols]
        .sort((a, b) => b[1] - a[1])
        .map(([p]) => p)
        .join(', ');
const sameNames = (rows, key) => new Set(rows.map(key)).size === 1;

// Findings of one flow, if all are of the same ends: the list can be asked for exactly these.
function findingsLink(findings) {
    const words = {group: 'list'};
    if (sameNames(findings, (f) => f.from)) {
        words.client = findings[0].from;
    } else if (sameNames(findings, (f) => f.client?.group) && findings[0].client?.group) {
        words.client = findings[0].client.group;
    }
    if (sameNames(findings, (f) => f.to)) {
        words.server = findings[0].to;
    }
    return linkToPage('findings', words);
}

function topFindings(findings) {
    const worst = [...findings].sort((a, b) => rank(a.severity) - rank(b.severity)).slice(0, 6);
    return (
        findings.length > 0 && [
            el('h3', {}, plural(findings.length, 'finding')),
            el(
                'ul',
                {class: 'plain-list'},
                worst.map((f) =>
                    el('li', {}, severityMark(f.severity), ' ', el('a', {href: linkTo('finding', f.id)}, f.title)),
                ),
            ),
            findings.length > worst.length && el('a', {href: findingsLink(findings)}, `All ${number(findings.length)}`),
        ]
    );
}

function memberList(node) {
    const worst = [...node.hosts].sort((a, b) => b.findings - a.findings).slice(0, 8);
    return [
        el(
            'ul',
            {class: 'plain-list'},
            worst.map((h) =>
                el(
                    'li',
                    {},
                    hostLink(h),
                    h.findings > 0 && el('span', {class: 'dim'}, ` ${plural(h.findings, 'finding')}`),
                ),
            ),
        ),
        node.hosts.length > worst.length &&
            el('p', {class: 'dim'}, `and ${number(node.hosts.length - worst.length)} more among the hosts`),
    ];
}

function nodeDetails(node, layout, on) {
    const flows = layout.edges
        .filter((e) => e.from === node || e.to === node)
        .sort((a, b) => (a.worst ? rank(a.worst) : 9) - (b.worst ? rank(b.worst) : 9) || b.flows - a.flows);
    const [only] = node.hosts;
    return [
        el('h2', {}, wireName(node.name)),
        el('p', {class: 'dim'}, node.kind === 'host' ? (node.roles ?? []).join(', ') || 'no role' : node.note),
        node.kind === 'host'
            ? el('p', {}, el('a', {class: 'strong', href: linkTo('host', only.key)}, 'Host page'))
            : el(
                  'p',
                  {},
                  node.kind === 'pile' &&
                      el('button', {type: 'button', class: 'quiet', onclick: () => on.open(node)}, 'Show each of them'),
              ),
        node.kind !== 'host' && memberList(node),
        topFindings(node.findings),
        flows.length > 0 && [
            el('h3', {}, plural(flows.length, 'flow')),
            el(
                'ul',
                {class: 'plain-list flows'},
                flows
                    .slice(0, 12)
                    .map((e) =>
                        el(
                            'li',
                            {},
                            el(
                                'button',
                                {type: 'button', class: 'as-link', onclick: () => on.edge(e)},
                                e.from === node ? '\u2192 ' : '\u2190 ',
                                visible(e.from === node ? e.to.label : e.from.label),
                            ),
                            ' ',
                            el('span', {class: 'dim'}, protocolText(e)),
                            e.worst && [' ', severityMark(e.worst)],
                        ),
                    ),
            ),
            flows.length > 12 && el('p', {class: 'dim'}, `and ${number(flows.length - 12)} more on the host page`),
        ],
    ];
}

function edgeDetails(e, on) {
    const end = (n) => el('button', {type: 'button', class: 'as-link', onclick: () => on.node(n)}, visible(n.name));
    return [
        el('h2', {}, end(e.from), ' \u2192 ', end(e.to)),
        facts([
            ['Protocols', protocolText(e)],
            ['Conversations', number(e.flows)],
            ['Traffic', size(e.bytes)],
        ]),
        topFindings(e.findings),
    ];
}

class Picture {
    constructor(model, words) {
        this.model = model;
        this.words = words;
        this.open = new Set();
        this.severities = new Set(SEVERITIES);
        this.root = svg('svg', {
            class: 'map',
            role: 'group',
            'aria-label': 'Picture of the hierarchy. Arrow keys move between hosts, Enter chooses one.',
        });
        this.side = el('aside', {class: 'map-side', 'aria-live': 'polite', 'aria-label': 'What is chosen'});
        this.note = el('p', {class: 'dim small'});
        this.table = el('div');
        this.on = {
            node: (n) => this.choose(n),
            edge: (e) => this.choose(e),
            open: (n) => {
                this.open.add(n.cell);
                this.draw();
            },
        };
        this.zoom = zoom()
            .extent(() => [
                [0, 0],
                [this.root.clientWidth || 1100, this.root.clientHeight || 600],
            ])
            .scaleExtent([0.15, 3])
            .filter((event) => (event.type === 'wheel' ? event.ctrlKey || event.metaKey : !event.button))
            .on('zoom', (event) => this.root.querySelector('.world')?.setAttribute('transform', event.transform));
        select(this.root).call(this.zoom).on('dblclick.zoom', null);
        this.root.addEventListener('keydown', (event) => this.key(event));
    }

    filter() {
        return {
            protocol: this.words.protocol,
            quiet: this.words.show !== 'breaches' && this.severities.size === SEVERITIES.length,
            severities: this.severities.size === SEVERITIES.length ? null : this.severities,
        };
    }

    draw() {
        this.layout = layOut(this.model, {by: this.words.by ?? 'site', most: MOST_IN_CELL, open: this.open});
        replace(this.root, drawMap(this.layout, this.filter(), this.on));
        const {drawn, total, broken} = drawnEdges(this.layout, this.filter());
        this.drawn = drawn;
        replace(
            this.note,
            drawn.length < total &&
                `The ${number(drawn.length)} that matter most of ${number(total)} flows are drawn; choose a host for all of its own. `,
            'Drag to move, Ctrl and wheel (or pinch) to zoom, arrow keys to walk from host to host.',
        );
        this.drawTable(broken);
        this.root.querySelector('.node')?.setAttribute('tabindex', '0');
        this.fit();
        this.choose(undefined);
    }

    drawTable(broken) {
        replace(
            this.table,
            dataTable({
                caption: 'Flows with breaches',
                rows: [...broken].sort(
                    (a, b) => rank(a.worst) - rank(b.worst) || b.findings.length - a.findings.length,
                ),
                pageSize: 10,
                empty: 'No flow breaks a rule.',
                columns: [
                    {label: 'Worst', value: (e) => rank(e.worst), cell: (e) => severityMark(e.worst)},
                    {
                        label: 'From',
                        value: (e) => e.from.name,
                        cell: (e) => (e.from.kind === 'host' ? hostLink(e.from.hosts[0]) : wireName(e.from.name)),
                    },
                    {
                        label: 'To',
                        value: (e) => e.to.name,
                        cell: (e) => (e.to.kind === 'host' ? hostLink(e.to.hosts[0]) : wireName(e.to.name)),
                    },
                    {label: 'Protocols', value: protocolText},
                    {
                        label: 'Findings',
                        kind: 'num',
                        value: (e) => e.findings.length,
                        cell: (e) => el('a', {href: findingsLink(e.findings)}, number(e.findings.length)),
                    },
                ],
            }),
        );
    }

    fit() {
        const {width, height} = this.layout;
        const box = this.root.getBoundingClientRect();
        const across = box.width || 1100;
        // On a narrow screen the whole would be too small to read: it begins at its left.
        const scale = Math.min(1.15, Math.max(across / width, 0.55));
        this.root.style.setProperty('height', `${Math.round(Math.min(height * scale + 8, 760))}px`);
        this.scale = scale;
        select(this.root).call(this.zoom.transform, zoomIdentity.scale(scale));
    }

    by(factor) {
        select(this.root).call(this.zoom.scaleBy, factor);
    }

    choose(thing) {
        this.chosen = thing;
        const near = new Set(
            !thing
                ? []
                : thing.from
                  ? [thing.from, thing.to]
                  : this.layout.edges.filter((e) => e.from === thing || e.to === thing).flatMap((e) => [e.from, e.to]),
        );
        this.root.classList.toggle('focused', Boolean(thing));
        for (const node of this.layout.nodes) {
            const drawn = this.root.querySelector(`[data-node="${CSS.escape(node.id)}"]`);
            drawn?.classList.toggle('near', near.has(node));
            drawn?.classList.toggle('chosen', node === thing);
        }
        const own = this.layout.edges.filter((e) => e === thing || e.from === thing || e.to === thing);
        replace(this.root.querySelector('.edges'), [
            ...this.drawn.filter((e) => !own.includes(e)).map((e) => drawEdge(e, this.on)),
            ...own.map((e) => {
                const drawn = drawEdge(e, this.on);
                drawn.classList.add('near');
                return drawn;
            }),
        ]);
        this.side.hidden = !thing;
        replace(
            this.side,
            thing && [
                el('button', {type: 'button', class: 'quiet close', onclick: () => this.choose(undefined)}, 'Close'),
                thing.from ? edgeDetails(thing, this.on) : nodeDetails(thing, this.layout, this.on),
            ],
        );
        if (thing) {
            announce(thing.from ? 'flow chosen' : nodeText(thing));
        }
    }

    key(event) {
        const at = this.layout.nodes.find((n) => n.id === event.target.dataset?.node);
        const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
        if (at && (event.key === 'Enter' || event.key === ' ')) {
            this.choose(at);
            event.preventDefault();
        } else if (event.key === 'Escape') {
            this.choose(undefined);
        } else if (at && way) {
            const ahead = (n) => (n.x - at.x) * way[0] + (n.y - at.y) * way[1];
            const far = (n) => Math.abs(n.x - at.x) * (way[0] ? 1 : 5) + Math.abs(n.y - at.y) * (way[1] ? 1 : 5);
            const next = this.layout.nodes.filter((n) => ahead(n) > 0).sort((a, b) => far(a) - far(b))[0];
            event.preventDefault();
            this.focus(next);
        }
    }

    focus(node) {
        const drawn = node && this.root.querySelector(`[data-node="${CSS.escape(node.id)}"]`);
        if (drawn) {
            this.root.querySelectorAll('.node[tabindex="0"]').forEach((n) => n.setAttribute('tabindex', '-1'));
            drawn.setAttribute('tabindex', '0');
            drawn.focus();
        }
    }

    show(name) {
        const node = this.layout.outer(this.model.hostByName.get(name));
        if (node) {
            this.choose(node);
            // Left of what is told about it, where it would stand below that.
            const {clientWidth: width, clientHeight: height} = this.root;
            const {scale} = this;
            if (node.x * scale > width - 500 || node.y * scale > height - 80) {
                select(this.root).call(this.zoom.translateTo, node.x, node.y, [
                    Math.min(width / 2, Math.max(90, width - 480)),
                    height / 2,
                ]);
            }
        }
    }
}

const LEAD =
    'Lanes are sites, forests or zones, columns the parts that hosts play. An arrow goes from who opened a conversation to who answered; its colour is the worst finding on it, grey broke nothing. Choose a host or an arrow to see what is behind it.';

export function mapPage(model, route) {
    const words = {...route.words};
    const picture = new Picture(model, words);
    const set = (change) => {
        Object.assign(words, change);
        rememberWords('map', words);
        picture.draw();
    };
    const protocols = [...new Set(model.conversations.map((c) => c.protocol))].sort();
    const bar = el(
        'div',
        {class: 'filters'},
        choice('Lanes', LANE_NAMES, words.by ?? 'site', (by) => set({by})),
        choice(
            'Flows',
            [
                ['', 'All flows'],
                ['breaches', 'Breaches'],
            ],
            words.show ?? '',
            (show) => set({show}),
        ),
        picker('Protocol', [['', 'All protocols'], ...protocols.map((p) => [p, p])], words.protocol, (protocol) =>
            set({protocol}),
        ),
        toggles(
            'Severity',
            SEVERITIES,
            picture.severities,
            () => picture.draw(),
            (s) => [el('span', {class: `dot fill-${s}`, 'aria-hidden': 'true'}), s],
        ),
        el(
            'div',
            {class: 'choice', role: 'group', 'aria-label': 'Zoom'},
            el('button', {type: 'button', 'aria-label': 'Zoom out', onclick: () => picture.by(1 / 1.3)}, '\u2212'),
            el('button', {type: 'button', 'aria-label': 'Zoom in', onclick: () => picture.by(1.3)}, '+'),
            el('button', {type: 'button', onclick: () => picture.fit()}, 'Fit'),
        ),
    );
    const page = [
        pageHead('Map of the hierarchy', LEAD),
        bar,
        el('div', {class: 'map-box'}, picture.root, picture.side),
        picture.note,
        panel('Flows with breaches', picture.table),
    ];
    picture.draw();
    // Sizes are known once it stands in the page.
    requestAnimationFrame(() => {
        picture.fit();
        if (words.host) {
            picture.show(words.host);
        }
    });
    return page;
}
