// Elements made of text alone: nothing that comes from a payload is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const find = (id) => document.getElementById(id);

export function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Replaces a table's rows. A row that has not changed keeps its element: otherwise a row that is replaced between a
// button's press and its release would swallow the click.
export function replaceRows(body, rows) {
  const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const old = [...body.children];
  const next = rows.map((row) => {
    row.made = row.outerHTML;
    const same = old.findIndex(({ made }) => made === row.made);
    return same < 0 ? row : old.splice(same, 1)[0];
  });
  for (const row of old) row.remove();
  let place = body.firstChild;
  for (const row of next) {
    if (row === place) place = place.nextSibling;
    else body.insertBefore(row, place);
  }
  if (focused && !body.contains(document.activeElement)) body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

// A code may break after its underscores if there is too little room.
export const breakable = (code) => code.split(/(?<=_)/).flatMap((part) => [part, make("wbr")]);

export const clock = (timestamp) => (timestamp ? String(timestamp).slice(11, 19) : "");

export function span(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
