// trend.js - how stored audits went: a small line for points, stacked columns for findings.
import {scaleBand, scaleLinear, scalePoint} from 'd3-scale';
import {line, stack} from 'd3-shape';
import {el, svg} from '../dom.js';
import {day, number} from '../format.js';
import {SEVERITIES} from '../model.js';
import {chartWidth} from './traffic.js';

export function pointsTrend(model, chapter) {
    const points = model.historys
        .map((h) => h.grades?.find((g) => g.chapter === chapter)?.points)
        .concat(model.grades.find((g) => g.chapter === chapter)?.points);
    const known = points.map((p, i) => [i, p]).filter(([, p]) => p !== undefined && p !== null);
    if (known.length < 2) {
        return '';
    }
    const x = scalePoint(
        points.map((_, i) => i),
        [3, 77],
    );
    const y = scaleLinear([0, 100], [21, 3]);
    const [lastX, lastY] = known.at(-1);
    const from = known[0][1],
        to = lastY;
    return svg(
        'svg',
        {
            class: 'spark',
            viewBox: '0 0 80 24',
            role: 'img',
            'aria-label': `points of ${known.length} audits: from ${from} to ${to}`,
        },
        svg('path', {
            d: line(
                (p) => x(p[0]),
                (p) => y(p[1]),
            )(known),
        }),
        svg('circle', {cx: x(lastX), cy: y(lastY), r: 2.5}),
    );
}

const rule = (value, y, width) =>
    svg(
        'g',
        {class: 'tick'},
        svg('line', {x1: 34, x2: width, y1: y, y2: y}),
        svg('text', {x: 28, y: y + 4, 'text-anchor': 'end'}, number(value)),
    );

export function severityTrend(model, fixed) {
    const audits = [...model.historys.map((h) => ({when: h.end, ...h.findings})), {when: model.end, ...model.counts()}];
    const width = fixed ?? chartWidth(false),
        height = 150;
    const x = scaleBand(
        audits.map((_, i) => i),
        [34, width],
    )
        .paddingInner(0.3)
        .paddingOuter(0.1);
    const total = (a) => SEVERITIES.reduce((sum, s) => sum + (a[s] ?? 0), 0);
    const y = scaleLinear([0, Math.max(1, ...audits.map(total))], [height - 22, 14]).nice(4);
    const layers = stack()
        .keys([...SEVERITIES].reverse())
        .value((a, key) => a[key] ?? 0)(audits);
    return el(
        'div',
        {class: 'chart'},
        svg(
            'svg',
            {
                viewBox: `0 0 ${width} ${height}`,
                role: 'img',
                'aria-label': `Open findings of ${audits.length} audits; the last has ${total(audits.at(-1))}`,
            },
            y.ticks(4).map((t) => rule(t, y(t), width)),
            layers.map((layer) =>
                layer.map((part, i) =>
                    svg(
                        'rect',
                        {
                            class: `fill-${layer.key}`,
                            x: x(i),
                            width: Math.min(56, x.bandwidth()),
                            y: y(part[1]),
                            height: Math.max(0, y(part[0]) - y(part[1])),
                        },
                        svg('title', {}, `${day(audits[i].when)}: ${number(audits[i][layer.key] ?? 0)} ${layer.key}`),
                    ),
                ),
            ),
            audits.map(
                (a, i) =>
                    i % Math.ceil((audits.length * 48) / width) === 0 &&
                    svg(
                        'text',
                        {x: x(i) + Math.min(56, x.bandwidth()) / 2, y: height - 6, 'text-anchor': 'middle'},
                        day(a.when).replace(/ \d{4}$/, ''),
                    ),
            ),
        ),
    );
}
