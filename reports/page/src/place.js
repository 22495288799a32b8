// place.js - where a reader is in a view, so that the view can be drawn anew around him: how far down, which groups are
// open, how tables are sorted and which page of them is shown.

const nameOf = (details) =>
    (details.querySelector(':scope > summary .group-name') ?? details.querySelector(':scope > summary'))?.textContent;

/** A table's name among those of the view. */
function tables(main) {
    const seen = new Map();
    return [...main.querySelectorAll('.table-box')].map((box) => {
        const group = box.closest('details');
        const name = `${group ? nameOf(group) : ''} ${box.querySelector('caption').textContent}`;
        seen.set(name, (seen.get(name) ?? 0) + 1);
        return [`${name} ${seen.get(name)}`, box];
    });
}

export function takePlace(main) {
    return {
        scroll: window.scrollY,
        groups: new Map([...main.querySelectorAll('details')].map((d) => [nameOf(d), d.open])),
        tables: new Map(tables(main).map(([name, box]) => [name, box.place()])),
    };
}

export function restorePlace(main, place) {
    for (const details of main.querySelectorAll('details')) {
        const open = place.groups.get(nameOf(details));
        if (open !== undefined && open !== details.open) {
            details.open = open;
            details.dispatchEvent(new Event('toggle')); // its content is made when it opens, and is wanted now
        }
    }
    for (const [name, box] of tables(main)) {
        if (place.tables.has(name)) {
            box.setPlace(place.tables.get(name));
        }
    }
    window.scrollTo(0, place.scroll);
}
