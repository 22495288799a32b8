// unpack.js - reads the report's data: base64, deflate, and columns (reports/pack.h says how they are made).

function inflate(base64) {
    const text = atob(base64);
    const octets = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) {
        octets[i] = text.charCodeAt(i);
    }
    return new Response(new Blob([octets]).stream().pipeThrough(new DecompressionStream('deflate'))).json();
}

function sums(steps) {
    let at = 0;
    return steps.map((step) => (at += step));
}

const asTime = (digits) => (n) => {
    const whole = Math.floor(n / 10 ** digits);
    const text = new Date(whole * 1000).toISOString().slice(0, 19);
    return digits === 0 ? text + 'Z' : `${text}.${String(n - whole * 10 ** digits).padStart(digits, '0')}Z`;
};

function objects(columns, count) {
    const rows = Array.from({length: count}, () => ({}));
    for (const [key, column] of Object.entries(columns)) {
        // Only some rows have it: runs of rows that do and that do not, in turns.
        const runs = column.h ?? [count];
        const total = runs.reduce((sum, run, i) => sum + (i % 2 === 0 ? run : 0), 0);
        const values = unpackColumn(column.h ? column.c : column, total);
        let row = 0,
            next = 0;
        runs.forEach((run, i) => {
            for (const end = row + run; row < end; row++) {
                if (i % 2 === 0) {
                    rows[row][key] = values[next++];
                }
            }
        });
    }
    return rows;
}

function lists(column, count) {
    const lengths = unpackColumn(column.l, count);
    const all = unpackColumn(
        column.e,
        lengths.reduce((sum, n) => sum + n, 0),
    );
    let at = 0;
    return lengths.map((n) => all.slice(at, (at += n)));
}

function unpackColumn(column, count) {
    if (count === 0) {
        return [];
    }
    if ('c' in column) {
        return Array(count).fill(column.c);
    }
    if ('u' in column) {
        const distinct = unpackColumn(column.u, column.n);
        return column.i.map((i) => distinct[i]);
    }
    if ('o' in column) {
        return objects(column.o, count);
    }
    if ('l' in column) {
        return lists(column, count);
    }
    if ('t' in column) {
        return sums(column.d).map((n) => asTime(column.t)(n + column.b * 10 ** column.t));
    }
    return column.d ? sums(column.d) : column.v;
}

/** The records by type: {finding: [...], host: [...], ...}. */
export async function unpack(base64) {
    const packed = await inflate(base64);
    const records = {};
    for (const [type, {n, rows}] of Object.entries(packed)) {
        records[type] = unpackColumn(rows, n);
    }
    return records;
}
