// map_picture.js - draws what map_layout.js placed.
import {linkHorizontal} from 'd3-shape';
import {svg} from '../dom.js';
import {number, plural, size, visible} from '../format.js';
import {SEVERITIES, rank} from '../model.js';
import {CARD} from './map_layout.js';

const MOST_EDGES = 220; // drawn at once: more is a ball of wool
const MOST_BROKEN = 140;
const curve = linkHorizontal();

function path({from, to}) {
    const y1 = from.y + CARD.height / 2,
        y2 = to.y + CARD.height / 2;
    if (from.column === to.column) {
        const x = from.x + CARD.width,
            out = x + 26 + Math.min(40, Math.abs(y2 - y1) / 8);
        return `M${x},${y1}C${out},${y1} ${out},${y2} ${x + 3},${y2}`;
    }
    const right = from.x < to.x;
    return curve({
        source: [right ? from.x + CARD.width : from.x, y1],
        target: [right ? to.x - 3 : to.x + CARD.width + 3, y2],
    });
}

const edgeText = (e) =>
    `${e.from.name} to ${e.to.name}: ${
        [...e.protocols]
            .sort((a, b) => b[1] - a[1])
            .map(([p]) => p)
            .join(', ') || 'no conversation listed'
    }, ${plural(e.flows, 'conversation')}, ${size(e.bytes)}` +
    (e.findings.length ? `, ${plural(e.findings.length, 'finding')}, worst ${e.worst}` : '');
export const nodeText = (n) =>
    `${n.name}, ${n.note}${n.findings.length ? `, ${plural(n.findings.length, 'finding')}, worst ${n.worst}` : ''}`;

const thick = (e) => 1.2 + Math.min(2.6, Math.log10(1 + (e.findings.length || e.flows)) * 0.9);

export function drawEdge(e, on) {
    return svg(
        'path',
        {
            class: `edge ${e.worst ? `broken stroke-${e.worst}` : ''}`,
            d: path(e),
            'stroke-width': thick(e).toFixed(1),
            'marker-end': `url(#arrow-${e.worst ?? 'plain'})`,
            'data-edge': e.id,
            onclick: on?.edge && (() => on.edge(e)),
        },
        svg('title', {}, visible(edgeText(e))),
    );
}

function cut(text, most) {
    const clean = visible(text);
    return clean.length > most ? clean.slice(0, most - 1) + '\u2026' : clean;
}

function drawNode(n, on) {
    const count = n.findings.length;
    return svg(
        'g',
        {
            class: `node ${n.kind} ${n.worst ? `stroke-${n.worst}` : ''}`,
            transform: `translate(${n.x},${n.y})`,
            'data-node': n.id,
            ...(on && {role: 'button', tabindex: '-1', onclick: () => on.node(n)}),
        },
        svg('title', {}, visible(nodeText(n))),
        n.kind !== 'host' &&
            svg('rect', {class: 'card behind', x: 3, y: 3, width: CARD.width, height: CARD.height, rx: 6}),
        svg('rect', {class: 'card', width: CARD.width, height: CARD.height, rx: 6}),
        n.worst && svg('rect', {class: `fill-${n.worst}`, width: 4, height: CARD.height - 12, x: 0, y: 6, rx: 2}),
        svg('text', {class: 'node-name', x: 13, y: 18}, cut(n.label, count ? 17 : 22)),
        svg('text', {class: 'node-note', x: 13, y: 33}, cut(n.note, 27)),
        count > 0 && svg('text', {class: 'node-count', x: CARD.width - 9, y: 18, 'text-anchor': 'end'}, number(count)),
    );
}

function drawLanes(layout) {
    return svg(
        'g',
        {class: 'lanes'},
        layout.columns.map((c) => svg('text', {class: 'column-name', x: c.x, y: 14}, c.name)),
        layout.lanes.map((lane) =>
            svg(
                'g',
                {},
                svg('rect', {class: 'lane', x: 0, y: lane.y, width: layout.width, height: lane.height, rx: 8}),
                svg('text', {class: 'lane-name', x: 14 + lane.depth * 16, y: lane.y + 24}, cut(lane.title, 18)),
                svg('text', {class: 'lane-note', x: 14 + lane.depth * 16, y: lane.y + 41}, cut(lane.note ?? '', 24)),
            ),
        ),
    );
}

const arrows = () =>
    svg(
        'defs',
        {},
        ['plain', ...SEVERITIES].map((s) =>
            svg(
                'marker',
                {
                    id: `arrow-${s}`,
                    viewBox: '0 0 8 8',
                    refX: 6,
                    refY: 4,
                    markerWidth: 7,
                    markerHeight: 7,
                    markerUnits: 'userSpaceOnUse',
                    orient: 'auto',
                },
                svg('path', {class: s === 'plain' ? 'arrow-plain' : `fill-${s}`, d: 'M0,0.5L8,4L0,7.5Z'}),
            ),
        ),
    );

/** Quiet flows first and not all of them, then breaches, the worst on top. */
export function drawnEdges(layout, filter) {
    const fits = layout.edges.filter(
        (e) =>
            (!filter.protocol || e.protocols.has(filter.protocol)) &&
            (!filter.severities || (e.worst && filter.severities.has(e.worst))),
    );
    const quiet = filter.quiet ? fits.filter((e) => !e.worst) : [];
    const broken = fits
        .filter((e) => e.worst)
        .sort((a, b) => rank(a.worst) - rank(b.worst) || b.findings.length - a.findings.length);
    const drawn = broken.slice(0, MOST_BROKEN).reverse();
    return {
        drawn: [...quiet.sort((a, b) => b.flows - a.flows).slice(0, MOST_EDGES - drawn.length), ...drawn],
        broken,
        total: fits.length - (filter.quiet ? 0 : fits.length - broken.length),
    };
}

export function drawMap(layout, filter, on) {
    const {drawn} = drawnEdges(layout, filter);
    return [
        arrows(),
        svg(
            'g',
            {class: 'world'},
            drawLanes(layout),
            svg(
                'g',
                {class: 'edges'},
                drawn.map((e) => drawEdge(e, on)),
            ),
            svg(
                'g',
                {class: 'nodes'},
                layout.nodes.map((n) => drawNode(n, on)),
            ),
        ),
    ];
}

/** The picture that does not move, for paper. */
export const stillMap = (layout, filter) =>
    svg(
        'svg',
        {
            class: 'map still',
            viewBox: `0 0 ${layout.width} ${layout.height}`,
            role: 'img',
            'aria-label': 'The hierarchy, flows between its hosts, and breaches',
        },
        drawMap(layout, filter),
    );
