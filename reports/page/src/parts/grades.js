// grades.js - the grade of each chapter, with the points it cost and its way over stored audits.
import {el} from '../dom.js';
import {number, plural} from '../format.js';
import {linkTo} from '../route.js';
import {gradeMark, severityMark} from './marks.js';
import {pointsTrend} from './trend.js';

function reason(grade) {
    if (!grade.grade) {
        return 'nothing of it was seen';
    }
    const worst = grade.costs?.[0];
    return worst ? worst.title : `nothing broken in ${plural(grade.judged, 'answer')}`;
}

export function gradeTable(model, {brief = false} = {}) {
    const history = model.historys.length > 0;
    return el(
        'table',
        {class: 'grades'},
        el('caption', {class: 'hidden'}, 'Grades by chapter'),
        el(
            'thead',
            {class: brief ? 'hidden' : ''},
            el(
                'tr',
                {},
                ['Grade', 'Chapter', 'Points', history && 'Trend']
                    .filter(Boolean)
                    .map((h) => el('th', {scope: 'col'}, h)),
            ),
        ),
        el(
            'tbody',
            {},
            model.grades.map((grade) =>
                el(
                    'tr',
                    {},
                    el('td', {}, gradeMark(grade.grade)),
                    el(
                        'th',
                        {scope: 'row'},
                        el('a', {href: linkTo('chapter', grade.chapter)}, model.chapterName(grade.chapter)),
                        el('span', {class: 'dim small reason'}, reason(grade)),
                    ),
                    el('td', {class: 'num'}, grade.grade ? el('span', {class: 'points'}, number(grade.points)) : ''),
                    history && el('td', {}, pointsTrend(model, grade.chapter)),
                ),
            ),
        ),
    );
}

/** The computation, a line for each thing that cost points. */
export function gradeSum(model, grade) {
    if (!grade.grade) {
        return el('p', {class: 'none'}, (grade.because ?? []).join(' '));
    }
    return [
        el(
            'table',
            {class: 'sum'},
            el('caption', {class: 'hidden'}, `Computation of the grade of ${model.chapterName(grade.chapter)}`),
            el(
                'thead',
                {},
                el(
                    'tr',
                    {},
                    ['Rule', 'Worst', 'Findings', 'Points'].map((h, i) =>
                        el('th', {scope: 'col', class: i > 1 ? 'num' : ''}, h),
                    ),
                ),
            ),
            el(
                'tbody',
                {},
                el('tr', {}, el('td', {}, 'Beginning'), el('td'), el('td'), el('td', {class: 'num'}, '100')),
                (grade.costs ?? []).map((cost) =>
                    el(
                        'tr',
                        {},
                        el('td', {}, el('a', {href: linkTo('rule', cost.code)}, cost.code), ' ', cost.title),
                        el('td', {}, severityMark(cost.severity)),
                        el(
                            'td',
                            {class: 'num'},
                            number(cost.findings),
                            cost.accepted > 0 && el('span', {class: 'dim'}, ` and ${number(cost.accepted)} accepted`),
                        ),
                        el('td', {class: 'num'}, cost.points > 0 ? `\u2212${number(cost.points)}` : '0'),
                    ),
                ),
                el(
                    'tr',
                    {class: 'total'},
                    el('td', {}, 'Result ', gradeMark(grade.grade, 'small')),
                    el('td'),
                    el('td'),
                    el('td', {class: 'num'}, number(grade.points)),
                ),
            ),
        ),
        el(
            'p',
            {class: 'dim'},
            `Judged: ${plural(grade.judged, 'answer')} of rules about hosts; ${number(grade.not_judged)} more had nothing to judge or could not.`,
        ),
    ];
}

// As reports/grade.h has it.
export const GRADE_WORDS =
    'Each chapter begins with 100 points. Each of its broken rules costs what its worst open finding weighs: critical 60, high 30, medium 10, low 3, remarks nothing; and a tenth of that for each ' +
    'further finding, up to ten. A from 90 points, B from 75, C from 60, D from 40, E from 20, F below. Accepted findings cost nothing. A chapter of which nothing was judged has no grade: silence is not innocence.';
