// grades.js - the grade of each chapter, with the points it cost and its way over stored audits.
import {el} from '../dom.js';
import {number, plural} from '../format.js';
import {CHAPTER_WORDS} from '../model.js';
import {linkTo} from '../route.js';
import {gradeMark, severityMark} from './marks.js';
import {pointsTrend} from './trend.js';

export const chapterName = (chapter) => CHAPTER_WORDS[chapter] ?? chapter;

function reason(grade) {
    if (!grade.grade) {
        return 'nothing of it was seen';
    }
    const worst = grade.costs?.[0];
    return worst ? worst.title : `nothing broken in ${plural(grade.judged, 'judged rule')}`;
}

export function gradeTable(model, {brief = false} = {}) {
    const history = model.historys.length > 0;
    return el('table', {class: 'grades'}, el('caption', {class: 'hidden'}, 'Grades by chapter'),
        el('thead', {class: brief ? 'hidden' : ''}, el('tr', {}, ['Grade', 'Chapter', 'Points', history && 'Trend'].filter(Boolean).map((h) => el('th', {scope: 'col'}, h)))),
        el('tbody', {}, model.grades.map((grade) => el('tr', {},
            el('td', {}, gradeMark(grade.grade)),
            el('th', {scope: 'row'}, el('a', {href: linkTo('chapter', grade.chapter)}, chapterName(grade.chapter)), el('span', {class: 'dim small reason'}, reason(grade))),
            el('td', {class: 'num'}, grade.grade ? el('span', {class: 'points'}, number(grade.points)) : ''),
            history && el('td', {}, pointsTrend(model, grade.chapter))))));
}

/** The computation, a line for each thing that cost points. */
export function gradeSum(model, grade) {
    if (!grade.grade) {
        return el('p', {class: 'none'}, `Not graded: ${(grade.because ?? ['no rule of the chapter had anything to judge']).join(' ')}`);
    }
    return [
        el('table', {class: 'sum'}, el('caption', {class: 'hidden'}, `Computation of the grade of ${chapterName(grade.chapter)}`),
            el('thead', {}, el('tr', {}, ['Rule', '', 'Broken by', 'Points'].map((h, i) => el('th', {scope: 'col', class: i > 1 ? 'num' : ''}, h || el('span', {class: 'hidden'}, 'Severity'))))),
            el('tbody', {},
                el('tr', {}, el('td', {}, 'Beginning'), el('td'), el('td'), el('td', {class: 'num'}, '100')),
                (grade.costs ?? []).map((cost) => el('tr', {},
                    el('td', {}, el('a', {href: linkTo('rule', cost.code)}, cost.code), ' ', cost.title), el('td', {}, severityMark(cost.severity)),
                    el('td', {class: 'num'}, `${number(cost.violated)} of ${number(cost.judged)}`), el('td', {class: 'num'}, `\u2212${number(cost.points)}`))),
                el('tr', {class: 'total'}, el('td', {}, 'Result ', gradeMark(grade.grade, 'small')), el('td'), el('td'), el('td', {class: 'num'}, number(grade.points))))),
        (grade.because ?? []).map((line) => el('p', {class: 'dim'}, line)),
    ];
}

export const GRADE_WORDS = 'Each chapter begins with 100 points. A broken rule costs by its severity: critical 40, high 20, medium 10, low 4, remarks nothing; half of it when one subject breaks it, all of it '
    + 'when every judged subject does. A from 90, B from 80, C from 65, D from 50, E from 30, F below. With a critical finding a chapter is not better than E, with a high one not better than C. '
    + 'Accepted findings cost nothing. What the capture does not show is not judged and earns nothing either.';
