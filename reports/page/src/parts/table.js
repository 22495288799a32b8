// table.js - a table that sorts by its headings and shows one page of its rows at a time.
import {announce, el, replace} from '../dom.js';
import {number} from '../format.js';

const compare = (a, b) => (a === b ? 0 : a === undefined || a === null ? 1 : b === undefined || b === null ? -1
    : typeof a === 'string' ? a.localeCompare(b, 'en', {numeric: true}) : a - b);

/**
 * {caption, rows, columns: [{label, value(row), cell(row), kind: 'num', sort: false}], pageSize, sort: {column, down}, empty}
 * `value` sorts, `cell` shows (default: the value). Cells carry their heading for narrow screens.
 */
export function dataTable(options) {
    const state = {page: 0, sort: options.sort, rows: options.rows};
    const pageSize = options.pageSize ?? 25;
    const body = el('tbody', {role: 'rowgroup'});
    const head = el('thead', {role: 'rowgroup'});
    const pager = el('nav', {class: 'pager', 'aria-label': `Pages of ${options.caption}`});
    const box = el('div', {class: `table-box ${options.class ?? ''}`},
        el('table', {role: 'table'}, el('caption', {class: options.showCaption ? '' : 'hidden'}, options.caption), head, body), pager);

    function sorted() {
        const {sort} = state;
        if (!sort) {
            return state.rows;
        }
        const value = options.columns[sort.column].value;
        const keyed = state.rows.map((row, i) => [value(row), i, row]);
        const sign = sort.down ? -1 : 1;
        return keyed.sort((a, b) => sign * compare(a[0], b[0]) || a[1] - b[1]).map((k) => k[2]);
    }

    function headings() {
        replace(head, el('tr', {role: 'row'}, options.columns.map((column, i) => {
            const by = state.sort?.column === i;
            const cell = {role: 'columnheader', scope: 'col', class: column.kind, 'aria-sort': by ? (state.sort.down ? 'descending' : 'ascending') : undefined};
            return column.sort === false || !column.value
                ? el('th', cell, column.label)
                : el('th', cell, el('button', {type: 'button', class: 'sort', onclick: () => sortBy(i)}, column.label, el('span', {'aria-hidden': 'true', class: 'arrow'}, by ? (state.sort.down ? '\u2193' : '\u2191') : '')));
        })));
    }

    function sortBy(column) {
        const again = state.sort?.column === column;
        state.sort = {column, down: again ? !state.sort.down : options.columns[column].kind === 'num'};
        state.page = 0;
        draw();
        head.querySelectorAll('th')[column].querySelector('button')?.focus();
        announce(`sorted by ${options.columns[column].label}, ${state.sort.down ? 'descending' : 'ascending'}`);
    }

    function turn(by) {
        state.page += by;
        draw();
        announce(pager.textContent);
        box.scrollIntoView({block: 'nearest'});
        pager.querySelectorAll('button')[by < 0 ? 0 : 1]?.focus();
    }

    function draw() {
        const all = sorted();
        const first = state.page * pageSize;
        headings();
        replace(body, all.slice(first, first + pageSize).map((row) => el('tr', {role: 'row', class: options.rowClass?.(row)}, options.columns.map((column) =>
            el('td', {role: 'cell', class: column.kind, 'data-label': column.label}, column.cell ? column.cell(row) : column.value(row))))));
        if (all.length === 0) {
            replace(body, el('tr', {role: 'row'}, el('td', {role: 'cell', class: 'empty', colspan: options.columns.length}, options.empty ?? 'Nothing here.')));
        }
        replace(pager, all.length > pageSize && [
            el('button', {type: 'button', disabled: state.page === 0, onclick: () => turn(-1), 'aria-label': 'Previous page'}, '\u2039'),
            el('span', {}, `${number(first + 1)}\u2013${number(Math.min(first + pageSize, all.length))} of ${number(all.length)}`),
            el('button', {type: 'button', disabled: first + pageSize >= all.length, onclick: () => turn(1), 'aria-label': 'Next page'}, '\u203a')]);
    }

    box.setRows = (rows) => {
        state.rows = rows;
        state.page = 0;
        draw();
    };
    draw();
    return box;
}
