// chapters.js - grades with their computation, and the rules.
import {el} from '../dom.js';
import {number, plural, visible} from '../format.js';
import {STATUSES} from '../model.js';
import {linkTo} from '../route.js';
import {back, facts, pageHead, panel, prose} from '../parts/frame.js';
import {GRADE_WORDS, gradeSum, gradeTable} from '../parts/grades.js';
import {gradeMark, hostLink, severityMark, statementLinks, statusMark} from '../parts/marks.js';
import {dataTable} from '../parts/table.js';
import {findingTable} from './findings.js';

function ruleTable(rules, caption) {
    return dataTable({
        caption,
        rows: rules,
        pageSize: 100,
        sort: {column: 0},
        columns: [
            {
                label: 'Rule',
                value: (r) => r.code,
                cell: (r) => el('a', {href: linkTo('rule', r.code)}, r.code, ' ', r.title),
            },
            {
                label: 'Severity',
                value: (r) => ['critical', 'high', 'medium', 'low', 'info'].indexOf(r.severity),
                cell: (r) => severityMark(r.severity),
            },
            {
                label: 'Findings',
                kind: 'num',
                value: (r) => r.findings.length,
                cell: (r) => (r.findings.length ? number(r.findings.length) : el('span', {class: 'dim'}, '0')),
            },
            ...STATUSES.map((s) => ({
                label: {violated: 'Broken', consistent: 'Kept', not_observed: 'Not seen', not_assessable: 'Hidden'}[s],
                kind: 'num',
                value: (r) => r.counts[s] ?? 0,
                cell: (r) => number(r.counts[s] ?? 0),
            })),
        ],
    });
}

export function chaptersPage(model) {
    return [
        pageHead('Grades and rules'),
        el(
            'div',
            {class: 'columns'},
            panel('Grades', gradeTable(model)),
            panel('How a grade is computed', el('p', {}, GRADE_WORDS)),
        ),
        panel('Rules of this audit', ruleTable(model.rules, 'Rules')),
    ];
}

export function chapterPage(model, id) {
    const grade = model.grades.find((g) => g.chapter === id);
    const rules = model.rules.filter((r) => r.chapter === id);
    if (!grade && rules.length === 0) {
        return [
            pageHead('No such chapter', `This report has no chapter ${visible(id)}.`),
            back('#chapters', 'Grades and rules'),
        ];
    }
    return [
        back('#chapters', 'Grades and rules'),
        pageHead(
            model.chapterName(id),
            null,
            grade &&
                el(
                    'p',
                    {class: 'tags'},
                    gradeMark(grade.grade, 'large'),
                    grade.grade && el('span', {class: 'chip'}, `${number(grade.points)} of 100 points`),
                ),
        ),
        grade && panel('How the grade comes about', gradeSum(model, grade)),
        panel('Rules', ruleTable(rules, `Rules of ${model.chapterName(id)}`)),
    ];
}

function verdictTable(model, code, verdicts) {
    return dataTable({
        caption: `Answers of ${code}`,
        rows: verdicts,
        pageSize: 20,
        columns: [
            {
                label: 'Subject',
                value: (v) => v.subject,
                cell: (v) => hostLink(model.hostByName.get(v.subject), v.subject),
            },
            {label: 'Answer', value: (v) => STATUSES.indexOf(v.status), cell: (v) => statusMark(v.status)},
            {label: 'Looked at', kind: 'num', value: (v) => v.observed, cell: (v) => number(v.observed)},
            {label: 'Because', value: (v) => visible(v.because)},
        ],
    });
}

export function rulePage(model, code) {
    const rule = model.ruleByCode.get(code);
    if (!rule) {
        return [
            pageHead('No such rule', `This report has no rule ${visible(code)}.`),
            back('#chapters', 'Grades and rules'),
        ];
    }
    const verdicts = model.verdicts
        .filter((v) => v.code === code)
        .sort((a, b) => STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status));
    return [
        back('#chapters', 'Grades and rules'),
        pageHead(
            rule.title,
            null,
            el(
                'p',
                {class: 'tags'},
                severityMark(rule.severity),
                el('span', {class: 'chip'}, rule.code),
                el('a', {class: 'chip', href: linkTo('chapter', rule.chapter)}, model.chapterName(rule.chapter)),
                el('span', {class: 'dim'}, rule.rule),
            ),
        ),
        el(
            'div',
            {class: 'columns wide-left'},
            el(
                'div',
                {class: 'panel'},
                prose('What it means', rule.means),
                prose('How to mend it', rule.remediation),
                prose('What is looked at, and what is not counted', rule.evidence),
            ),
            panel(
                'About it',
                facts([
                    ['Statements', rule.statements?.length && statementLinks(rule.statements, model)],
                    [
                        'References',
                        rule.references?.length &&
                            el(
                                'ul',
                                {class: 'plain-list'},
                                rule.references.map((r) => el('li', {}, r)),
                            ),
                    ],
                ]),
            ),
        ),
        panel(
            `Findings: ${number(rule.findings.length)}`,
            rule.findings.length
                ? findingTable(rule.findings, ['severity', 'client', 'server', 'first', 'count', 'confidence', 'open'])
                : el('p', {class: 'none'}, 'None.'),
        ),
        verdicts.length > 0 &&
            panel(`Answers: ${plural(verdicts.length, 'subject')}`, verdictTable(model, code, verdicts)),
    ];
}
