// traffic.js - one time axis with two stories: what was said by which protocol, and where findings are.
import {axisBottom, axisLeft} from 'd3-axis';
import {brushX} from 'd3-brush';
import {scaleLinear, scaleUtc} from 'd3-scale';
import {select} from 'd3-selection';
import {area, curveStepAfter, stack} from 'd3-shape';
import {el, newId, svg} from '../dom.js';
import {clock, day, millis, number, short, size} from '../format.js';
import {SEVERITIES} from '../model.js';

const SHOWN_PROTOCOLS = 8;
const OTHER = 'other';

/** The protocols with most of `measure`, most first; the rest is one. */
export function protocolsOf(model, measure) {
    const sums = new Map();
    for (const bucket of model.traffics) {
        for (const [name, counts] of Object.entries(bucket.protocols ?? {})) {
            sums.set(name, (sums.get(name) ?? 0) + (counts[measure] ?? 0));
        }
    }
    const names = [...sums].sort((a, b) => b[1] - a[1]).map(([name]) => name);
    return names.length > SHOWN_PROTOCOLS + 1 ? [...names.slice(0, SHOWN_PROTOCOLS), OTHER] : names;
}

function rowsOf(model, measure, names) {
    const known = new Set(names);
    const rows = [];
    const empty = (at) => Object.assign(Object.fromEntries(names.map((name) => [name, 0])), {at});
    let end;
    for (const bucket of model.traffics) {
        const row = empty(millis(bucket.start));
        if (end !== undefined && end < row.at) {
            rows.push(empty(end)); // buckets without traffic are not told
        }
        for (const [name, counts] of Object.entries(bucket.protocols ?? {})) {
            const key = known.has(name) ? name : names.includes(OTHER) ? OTHER : undefined;
            if (key) {
                row[key] += counts[measure] ?? 0;
            }
        }
        rows.push(row);
        end = row.at + bucket.seconds * 1000;
    }
    return end === undefined ? rows : [...rows, empty(end)];
}

function range(model, rows) {
    const from = Math.min(...[millis(model.start), rows[0]?.at].filter(Number.isFinite));
    const to = Math.max(...[millis(model.end), rows.at(-1)?.at].filter(Number.isFinite));
    return [from, to > from ? to : from + 1000];
}

function binFindings(findings, [from, to], count) {
    const bins = Array.from({length: count}, (_, i) => ({
        at: from + ((to - from) * i) / count,
        until: from + ((to - from) * (i + 1)) / count,
        total: 0,
    }));
    for (const f of findings) {
        const bin = bins[Math.max(0, Math.min(count - 1, Math.floor(((f.at - from) / (to - from)) * count)))];
        bin[f.severity] = (bin[f.severity] ?? 0) + 1;
        bin.total++;
    }
    return bins;
}

function drawFindings(bins, x, [top, bottom]) {
    const y = scaleLinear([0, Math.max(1, ...bins.map((b) => b.total))], [bottom, top]).nice(3);
    const layers = stack()
        .keys([...SEVERITIES].reverse())
        .value((b, key) => b[key] ?? 0)(bins);
    const bars = layers.map((layer) =>
        layer.map((part, i) =>
            part[1] > part[0]
                ? svg(
                      'rect',
                      {
                          class: `fill-${layer.key}`,
                          x: x(bins[i].at) + 0.5,
                          width: Math.max(1, x(bins[i].until) - x(bins[i].at) - 1),
                          y: y(part[1]),
                          height: y(part[0]) - y(part[1]),
                      },
                      svg('title', {}, `${clock(bins[i].at)}: ${number(bins[i][layer.key])} ${layer.key}`),
                  )
                : null,
        ),
    );
    return {y, bars: svg('g', {}, bars.flat().filter(Boolean))};
}

function drawTraffic(rows, names, x, [top, bottom]) {
    const y = scaleLinear(
        [0, Math.max(1, ...rows.map((r) => names.reduce((sum, n) => sum + r[n], 0)))],
        [bottom, top],
    ).nice(3);
    const shape = area()
        .x((d) => x(d.data.at))
        .y0((d) => y(d[0]))
        .y1((d) => y(d[1]))
        .curve(curveStepAfter);
    const layers = stack().keys(names)(rows);
    return {
        y,
        areas: svg(
            'g',
            {},
            layers.map((layer, i) =>
                svg('path', {class: `area proto-${i}`, d: shape(layer) ?? ''}, svg('title', {}, layer.key)),
            ),
        ),
    };
}

// Hours of the day; the date where a day begins; seconds where a tick is not on a minute.
function tickText(when) {
    const text = clock(when);
    if (text === '00:00:00') {
        return day(when).startsWith('1 Jan') ? day(when).slice(-4) : day(when).replace(/ \d{4}$/, '');
    }
    return text.endsWith(':00') ? text.slice(0, 5) : text;
}

function addAxes(root, x, parts, width, left) {
    const put = (at, axis) => select(root).append('g').attr('class', 'axis').attr('transform', at).call(axis);
    put(
        `translate(0,${parts.bottom})`,
        axisBottom(x)
            .ticks(width / 110)
            .tickFormat(tickText)
            .tickSizeOuter(0),
    );
    if (parts.findings) {
        put(
            `translate(${left},0)`,
            axisLeft(parts.findings)
                .ticks(3)
                .tickFormat((n) => (Number.isInteger(n) ? short(n) : ''))
                .tickSize(0),
        );
    }
    if (parts.traffic) {
        put(`translate(${left},0)`, axisLeft(parts.traffic).ticks(3).tickFormat(parts.format).tickSize(0));
    }
}

// As wide as it will stand there, more or less: letters keep their size.
export const chartWidth = (brief) => (window.innerWidth < 700 ? 380 : brief ? 660 : 1080);

/** {height, width, brief, measure: 'bytes', hidden: Set of protocols, findings, onrange(from, to)} */
export function trafficChart(model, options = {}) {
    const {measure = 'bytes', height = 330, hidden = new Set(), findings = model.openFindings} = options;
    const width = options.width ?? chartWidth(options.brief),
        left = 52;
    const names = protocolsOf(model, measure).filter((n) => !hidden.has(n));
    const rows = rowsOf(model, measure, names);
    const [from, to] = range(model, rows);
    const x = scaleUtc([from, to], [left, width - 6]);
    const title = newId('chart');
    const bottom = height - 22;
    const middle = rows.length ? Math.round(bottom * 0.42) : bottom;
    const root = svg(
        'svg',
        {viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-labelledby': title},
        svg(
            'title',
            {id: title},
            `${number(findings.length)} findings and traffic by protocol from ${clock(from)} to ${clock(to)} UTC`,
        ),
    );
    const above = drawFindings(binFindings(findings, [from, to], Math.min(120, Math.round(width / 9))), x, [
        12,
        middle - 10,
    ]);
    root.append(above.bars);
    const parts = {bottom, findings: above.y};
    if (rows.length) {
        const below = drawTraffic(rows, names, x, [middle + 14, bottom]);
        root.append(below.areas);
        Object.assign(parts, {traffic: below.y, format: measure === 'bytes' ? size : short});
        root.append(
            svg(
                'text',
                {class: 'chart-name', x: left, y: middle + 8},
                measure === 'bytes' ? 'Traffic' : 'Conversations',
            ),
        );
    }
    root.append(svg('text', {class: 'chart-name', x: left, y: 9}, 'Findings'));
    addAxes(root, x, parts, width, left);
    if (options.onrange) {
        const brush = brushX()
            .extent([
                [left, 0],
                [width - 6, bottom],
            ])
            .on('end', (event) =>
                options.onrange(...(event.selection ? event.selection.map((p) => +x.invert(p)) : [])),
            );
        select(root).append('g').attr('class', 'brush').call(brush);
    }
    return el('div', {class: 'chart'}, root, !options.brief && options.legend !== false && protocolLegend(names));
}

const protocolLegend = (names) =>
    el(
        'ul',
        {class: 'legend'},
        names.map((name, i) => el('li', {}, el('span', {class: `dot proto-${i}`, 'aria-hidden': 'true'}), name)),
    );
