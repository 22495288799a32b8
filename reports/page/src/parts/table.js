// table.js - a table that sorts by its headings and shows one page of its rows at a time.
import {announce, el, replace} from '../dom.js';
import {number} from '../format.js';

// Nothing known comes last, whichever way.
function compare(a, b) {
    if (a === b) {
        return 0;
    }
    if (a === undefined || a === null || b === undefined || b === null) {
        return a === undefined || a === null ? 1 : -1;
    }
    return typeof a === 'string' ? a.localeCompare(b, 'en', {numeric: true}) : a - b;
}

class Table {
    constructor(options) {
        Object.assign(this, {
            options,
            page: 0,
            sort: options.sort,
            rows: options.rows,
            pageSize: options.pageSize ?? 25,
        });
        this.body = el('tbody', {role: 'rowgroup'});
        this.head = el('thead', {role: 'rowgroup'});
        this.pager = el('nav', {class: 'pager', 'aria-label': `Pages of ${options.caption}`});
        this.box = el(
            'div',
            {class: 'table-box'},
            el('table', {role: 'table'}, el('caption', {class: 'hidden'}, options.caption), this.head, this.body),
            this.pager,
        );
        this.box.setRows = (rows) => {
            Object.assign(this, {rows, page: 0});
            this.draw();
        };
        this.box.place = () => ({page: this.page, sort: this.sort});
        this.box.setPlace = ({page, sort}) => {
            const last = Math.max(0, Math.ceil(this.rows.length / this.pageSize) - 1);
            Object.assign(this, {page: Math.min(page, last), sort});
            this.draw();
        };
        this.draw();
    }

    sorted() {
        if (!this.sort) {
            return this.rows;
        }
        const value = this.options.columns[this.sort.column].value;
        const sign = this.sort.down ? -1 : 1;
        return this.rows
            .map((row, i) => [value(row), i, row])
            .sort((a, b) => sign * compare(a[0], b[0]) || a[1] - b[1])
            .map((k) => k[2]);
    }

    heading(column, i) {
        const way = this.sort?.column === i ? (this.sort.down ? 'descending' : 'ascending') : undefined;
        const cell = {role: 'columnheader', scope: 'col', class: column.kind, 'aria-sort': way};
        if (column.sort === false || !column.value) {
            return el('th', cell, column.label);
        }
        const arrow = el(
            'span',
            {'aria-hidden': 'true', class: 'arrow'},
            way && (this.sort.down ? '\u2193' : '\u2191'),
        );
        return el(
            'th',
            cell,
            el('button', {type: 'button', class: 'sort', onclick: () => this.sortBy(i)}, column.label, arrow),
        );
    }

    sortBy(column) {
        const {kind, label} = this.options.columns[column];
        this.sort = {column, down: this.sort?.column === column ? !this.sort.down : kind === 'num'};
        this.page = 0;
        this.draw();
        this.head.querySelectorAll('th')[column].querySelector('button')?.focus();
        announce(`sorted by ${label}, ${this.sort.down ? 'descending' : 'ascending'}`);
    }

    turn(by) {
        this.page += by;
        this.draw();
        announce(this.pager.textContent);
        this.box.scrollIntoView({block: 'nearest'});
        this.pager.querySelectorAll('button')[by < 0 ? 0 : 1]?.focus();
    }

    row(row) {
        return el(
            'tr',
            {role: 'row'},
            this.options.columns.map((column) =>
                el(
                    'td',
                    {role: 'cell', class: column.kind, 'data-label': column.label},
                    column.cell ? column.cell(row) : column.value(row),
                ),
            ),
        );
    }

    pages(first, total) {
        const step = (text, name, by, disabled) =>
            el('button', {type: 'button', 'aria-label': name, disabled, onclick: () => this.turn(by)}, text);
        const last = Math.min(first + this.pageSize, total);
        return [
            step('\u2039', 'Previous page', -1, first === 0),
            el('span', {}, `${number(first + 1)}\u2013${number(last)} of ${number(total)}`),
            step('\u203a', 'Next page', 1, last === total),
        ];
    }

    draw() {
        const {columns, empty = 'Nothing here.'} = this.options;
        const all = this.sorted();
        const first = this.page * this.pageSize;
        replace(
            this.head,
            el(
                'tr',
                {role: 'row'},
                columns.map((column, i) => this.heading(column, i)),
            ),
        );
        replace(
            this.body,
            all.length > 0
                ? all.slice(first, first + this.pageSize).map((row) => this.row(row))
                : el('tr', {role: 'row'}, el('td', {role: 'cell', class: 'empty', colspan: columns.length}, empty)),
        );
        replace(this.pager, all.length > this.pageSize && this.pages(first, all.length));
    }
}

/**
 * {caption, rows, columns: [{label, value(row), cell(row), kind: 'num', sort: false}], pageSize, sort: {column, down}, empty}
 * `value` sorts, `cell` shows (default: the value). Cells carry their heading for narrow screens.
 */
export const dataTable = (options) => new Table(options).box;
