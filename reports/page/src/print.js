// print.js - the whole report as one document, for paper and PDF: what there is to mend first, then what it rests on.
import {el} from './dom.js';
import {clock, day, moment, number, plural, visible} from './format.js';
import {STATUSES, lengthen, rank} from './model.js';
import {facts} from './parts/frame.js';
import {GRADE_WORDS, gradeSum, gradeTable} from './parts/grades.js';
import {layOut} from './parts/map_layout.js';
import {stillMap} from './parts/map_picture.js';
import {gradeMark, severityMark, statusMark} from './parts/marks.js';
import {qualityLines} from './parts/quality.js';
import {trafficChart} from './parts/traffic.js';
import {severityTrend} from './parts/trend.js';
import {hiddenTable, inputFacts} from './views/capture.js';
import {evidenceRow, filterLine} from './views/finding.js';
import {posture} from './views/host.js';
import {firstThings, headline, lead, severityTiles, statementBar} from './views/summary.js';

const PAIRS_OF_RULE = 25; // lines of its table that a rule gets on paper
const PROOFS_OF_RULE = 1; // findings of it whose packets are shown
const HOSTS = 60;

const chapter = (title, ...content) => el('section', {class: 'sheet'}, el('h1', {}, title), content);
const wide = (title, ...content) => el('section', {class: 'sheet wide'}, el('h1', {}, title), content);
const where = (p, name) =>
    `${visible(name)}${p?.name && p.ip ? ` (${p.ip})` : p?.group ? ` (${p.group})` : ''}${p?.port ? `, port ${p.port}` : ''}`;
const simple = (heads, rows) =>
    el(
        'table',
        {class: 'simple'},
        el(
            'thead',
            {},
            el(
                'tr',
                {},
                heads.map((h) => el('th', {scope: 'col'}, h)),
            ),
        ),
        el(
            'tbody',
            {},
            rows.map((row) =>
                el(
                    'tr',
                    {},
                    row.map((cell) => el('td', {}, cell)),
                ),
            ),
        ),
    );
const left = (all, shown, what) =>
    all > shown &&
    el('p', {class: 'dim'}, `${number(all - shown)} more ${what} are in the HTML report and in records.jsonl.`);

function cover(model) {
    const {audit} = model;
    return el(
        'section',
        {class: 'cover'},
        el('p', {class: 'wordmark'}, 'rolecall'),
        el('h1', {}, 'Audit of network traffic'),
        el('p', {class: 'lead'}, headline(model) + '.'),
        el('p', {}, lead(model)),
        facts([
            ['Sites', (model.model.sites ?? []).map((s) => s.code).join(', ')],
            ['Forests', (model.model.forests ?? []).map((f) => f.name).join(', ')],
            ['Made', audit.generated && `${moment(audit.generated)} UTC`],
            ['By', `${audit.tool ?? 'rolecall'} ${audit.version ?? ''}`],
        ]),
    );
}

function ruleSheet(rule) {
    const rows = [...rule.findings].sort((a, b) => rank(a.severity) - rank(b.severity));
    return el(
        'article',
        {class: 'rule-sheet'},
        el('h2', {}, severityMark(rule.worst), ' ', el('span', {class: 'code'}, rule.code), ' ', rule.title),
        rule.means && el('p', {}, rule.means),
        el('p', {}, el('strong', {}, 'Remedy. '), visible(rule.remediation ?? lengthen(rows[0]).remediation)),
        rule.references?.length > 0 &&
            el(
                'p',
                {class: 'dim'},
                `${rule.references.join('; ')}.`,
                rule.statements?.length > 0 && ` Statements ${rule.statements.join(', ')}.`,
            ),
        simple(
            ['Client', 'Server', 'First seen', 'Times', 'Confidence'],
            rows
                .slice(0, PAIRS_OF_RULE)
                .map((f) => [
                    where(f.client, f.from),
                    where(f.server, f.to),
                    `${day(f.first)}, ${clock(f.first)}`,
                    number(f.count),
                    f.confidence + (f.accepted ? ', accepted' : ''),
                ]),
        ),
        left(rows.length, PAIRS_OF_RULE, 'findings of this rule'),
        rows
            .slice(0, PROOFS_OF_RULE)
            .map(lengthen)
            .map((f) =>
                el(
                    'div',
                    {class: 'proof'},
                    el('h3', {}, `For instance, ${visible(f.from)} to ${visible(f.to)}`),
                    el('p', {}, visible(f.explanation)),
                    filterLine(f),
                    el('ol', {class: 'evidence-list'}, f.evidence?.map(evidenceRow)),
                ),
            ),
    );
}

function hostSheet(model) {
    const hosts = model.hosts
        .filter((h) => Object.keys(h.posture ?? {}).length > 0)
        .sort((a, b) => (a.worst ? rank(a.worst) : 9) - (b.worst ? rank(b.worst) : 9) || b.findings - a.findings);
    const now = Date.parse(model.end);
    return [
        hosts
            .slice(0, HOSTS)
            .map((h) =>
                el(
                    'article',
                    {class: 'host-sheet'},
                    el(
                        'h2',
                        {},
                        visible(h.name),
                        h.findings > 0 && [
                            ' ',
                            severityMark(h.worst),
                            ' ',
                            el('span', {class: 'dim'}, plural(h.findings, 'finding')),
                        ],
                    ),
                    el(
                        'p',
                        {class: 'dim'},
                        [
                            (h.ips ?? []).join(', '),
                            (h.roles ?? []).join(', '),
                            h.site && `site ${h.site}`,
                            h.forest && `forest ${h.forest}`,
                            h.zone && `zone ${h.zone}`,
                        ]
                            .filter(Boolean)
                            .join(' \u00b7 '),
                    ),
                    posture(h, now),
                ),
            ),
        left(hosts.length, HOSTS, 'hosts'),
    ];
}

export function printDocument(model) {
    const layout = layOut(model, {by: 'site', most: 6, open: new Set()});
    return el(
        'div',
        {class: 'paper'},
        cover(model),
        chapter(
            'Summary',
            severityTiles(model),
            el('h2', {}, 'What to mend first'),
            firstThings(model, 10),
            el('h2', {}, 'Capture quality'),
            qualityLines(model),
            model.historys.length > 0 && [el('h2', {}, 'Open findings of stored audits'), severityTrend(model, 1080)],
        ),
        chapter(
            'Grades',
            gradeTable(model),
            el('p', {class: 'dim'}, GRADE_WORDS),
            model.grades
                .filter((g) => g.costs?.length)
                .map((g) =>
                    el(
                        'article',
                        {class: 'grade-sheet'},
                        el('h2', {}, gradeMark(g.grade), ' ', model.chapterName(g.chapter)),
                        gradeSum(model, g),
                    ),
                ),
        ),
        wide('The hierarchy', stillMap(layout, {quiet: true})),
        wide('Over time', trafficChart(model, {height: 470, width: 1080})),
        chapter('Findings by rule', model.brokenRules.map(ruleSheet)),
        chapter('Hosts', hostSheet(model)),
        chapter(
            'Statements of the specification',
            statementBar(model),
            simple(
                ['No.', 'It demands', 'Answer', 'Because'],
                [...model.statements]
                    .sort((a, b) => STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status))
                    .map((s) => [
                        el('span', {class: 'whole'}, s.id),
                        s.demands,
                        statusMark(s.status),
                        visible(s.because),
                    ]),
            ),
        ),
        chapter(
            'The capture',
            inputFacts(model),
            el('h2', {}, 'Seen, but something hid the answer'),
            hiddenTable(model, 40),
        ),
    );
}
