// The freshness curve, and a trip as a line from pickup to destination.

import { draw, find, span } from "./dom.js";

const [LEFT, RIGHT, TOP, BOTTOM] = [52, 552, 8, 90];
const SCALE = [0.01, 0.1, 1, 10, 60, 600, 3600, 86400];

export function drawFreshness(points) {
  const svg = find("freshness");
  const description = find("freshness-description");
  const shown = points.slice(-200);
  const highest = Math.max(1, ...shown.map((point) => point.seconds));
  const top = SCALE.find((value) => value >= highest) ?? highest;
  const x = (index) => LEFT + ((RIGHT - LEFT) * index) / Math.max(1, shown.length - 1);
  const y = (seconds) => {
    const share = Math.log10(Math.max(seconds, 0.01) / 0.01) / Math.log10(top / 0.01);
    return BOTTOM - (BOTTOM - TOP) * Math.min(1, Math.max(0, share));
  };
  const lines = SCALE.filter((value) => value <= top).flatMap((value) => [
    draw("line", { class: "axis", x1: LEFT, x2: RIGHT, y1: y(value), y2: y(value) }),
    draw("text", { class: "small", x: 4, y: y(value) + 4 }, span(value)),
  ]);
  const curve = draw("polyline", {
    class: "curve",
    points: shown.map((point, index) => `${x(index)},${y(point.seconds)}`).join(" "),
  });
  const dots = shown.map((point, index) =>
    draw("circle", { class: "point", r: 2, cx: x(index), cy: y(point.seconds) }),
  );
  const sorted = shown.map((point) => point.seconds).sort((a, b) => a - b);
  const text = sorted.length
    ? `The last ${sorted.length} applied: median ${span(sorted[Math.floor(sorted.length / 2)])}, slowest ${span(sorted.at(-1))}`
    : "Nothing has been applied yet";
  description.textContent = text;
  svg.replaceChildren(description, ...lines, curve, ...dots, draw("text", { class: "small", x: LEFT, y: 106 }, text));
}

export function drawTrip(request) {
  const svg = find("trip");
  const description = find("trip-description");
  const from = request?.data?.pickup_location;
  const to = request?.data?.destination_location;
  if (!from || !to) {
    svg.replaceChildren();
    description.textContent = "No trip is chosen.";
    return;
  }
  const track = request.track ?? [];
  const place = projection([from, to, ...track]);
  const [a, b] = [place(from), place(to)];
  const here = track.length ? place(track.at(-1)) : a;
  svg.replaceChildren(
    draw("line", { class: "road", x1: a.x, y1: a.y, x2: b.x, y2: b.y }),
    draw("polyline", { class: "driven", points: track.map((one) => `${place(one).x},${place(one).y}`).join(" ") }),
    ...Object.entries({ from: a, to: b }).flatMap(([name, at]) => [
      draw("circle", { class: "place", r: 6, cx: at.x, cy: at.y }),
      draw("text", { x: Math.min(at.x + 8, 126), y: at.y > 75 ? at.y + 16 : at.y - 9 }, name),
    ]),
    draw("circle", { class: "vehicle", r: 7, cx: here.x, cy: here.y }),
  );
  const states = request.states.length ? request.states.join(", ") : "no state yet";
  description.textContent = `From ${from.name} to ${to.name}: ${states}; ${request.positions} positions reported.`;
}

function projection(points) {
  const lats = points.map((point) => point.lat);
  const lngs = points.map((point) => point.lng);
  const [west, east, south, north] = [Math.min(...lngs), Math.max(...lngs), Math.min(...lats), Math.max(...lats)];
  const scale = Math.min(110 / (east - west || 1), 100 / (north - south || 1));
  return ({ lat, lng }) => ({ x: 15 + (lng - west) * scale, y: 125 - (lat - south) * scale });
}
