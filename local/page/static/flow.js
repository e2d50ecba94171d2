// The flow of webhooks and commands: a node for each place with its count, and dots that move along the edges.

import { draw, find } from "./dom.js";

const NODES = {
  vectorcare: { at: [100, 78], name: "VectorCare sent" },
  accepted: { at: [360, 78], name: "accepted" },
  refused: { at: [360, 172], name: "refused", alarm: true },
  queue: { at: [640, 78], name: "in the queue", holds: true },
  spool: { at: [600, 172], name: "spooled", holds: true, alarm: true },
  applied: { at: [960, 22], name: "applied" },
  stale: { at: [960, 64], name: "stale" },
  duplicate: { at: [960, 106], name: "duplicate" },
  expired: { at: [960, 148], name: "expired" },
  dead: { at: [960, 190], name: "dead letters", holds: true, alarm: true },
  published: { at: [1300, 22], name: "published" },
  outbound: { at: [1300, 106], name: "commands waiting", holds: true },
  succeeded: { at: [1300, 166], name: "commands done" },
};

const [WIDTH, HEIGHT] = [196, 36];

const EDGES = {
  accepted: "M198 78 H262",
  refused: "M198 84 C235 90 225 172 262 172",
  kept: "M458 78 H542",
  spooled: "M458 84 C490 95 470 172 502 172",
  drained: "M600 154 V96",
  applied: "M738 72 C800 66 800 22 862 22",
  stale: "M738 75 C800 72 800 64 862 64",
  duplicate: "M738 79 C800 82 800 106 862 106",
  expired: "M738 82 C800 86 800 148 862 148",
  died: "M738 86 C800 92 800 184 862 184",
  redriven: "M862 197 C790 205 715 190 715 96",
  published: "M1058 22 H1202",
  succeeded: "M1300 124 V148",
};

const MOST_DOTS = 14;
const TRAVEL = { accepted: 450, kept: 350, default: 700 };
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const paths = {};
const nodes = {};
let layer = null;

export function drawFlow() {
  const svg = find("flow");
  for (const [name, shape] of Object.entries(EDGES)) {
    paths[name] = draw("path", { class: "edge", d: shape });
    svg.append(paths[name]);
  }
  layer = draw("g", {});
  for (const [name, node] of Object.entries(NODES)) {
    const [x, y] = node.at;
    const count = draw("text", { class: "count", x: x - 58, y: y + 8, "data-count": name }, "0");
    const group = draw(
      "g",
      {},
      draw("rect", {
        class: node.holds ? "node holds" : "node",
        x: x - WIDTH / 2,
        y: y - HEIGHT / 2,
        width: WIDTH,
        height: HEIGHT,
        rx: 8,
      }),
      count,
      draw("text", { class: "name", x: x + 32, y: y + 5 }, node.name),
    );
    nodes[name] = { group, count };
    svg.append(group);
  }
  svg.append(
    draw("text", { class: "small", x: 735, y: 208 }, "redrive"),
    draw("text", { class: "small", x: 4, y: 210 }, "solid: passed since this page is served; dashed: waiting now"),
    layer,
  );
}

export function showCounts({ passed, depths, vectorcare }) {
  const counts = {
    ...passed,
    vectorcare: vectorcare.counts.calls,
    queue: depths.queue,
    spool: depths.spool,
    dead: depths.dead,
    outbound: depths.commands,
  };
  for (const [name, { group, count }] of Object.entries(nodes)) {
    count.textContent = String(counts[name]);
    group.classList.toggle("alarm", Boolean(NODES[name].alarm && counts[name]));
  }
  find("flow-description").textContent = Object.entries(NODES)
    .map(([name, { name: title }]) => `${title}: ${counts[name]}`)
    .join(", ");
}

// Draws what passed each node since the last look, as at most MOST_DOTS dots.
export function showMoves(moves) {
  if (reducedMotion.matches || document.hidden) return;
  for (const [name, number] of Object.entries(moves)) {
    if (!paths[name]) continue;
    const dots = Math.min(number, MOST_DOTS);
    for (let index = 0; index < dots; index += 1) {
      const begin = (index * 700) / dots + (["accepted", "refused"].includes(name) ? 0 : 800);
      travel(name, begin, name === "accepted" ? () => travel("kept", 0) : null);
    }
  }
}

function travel(name, begin, then = null) {
  const path = paths[name];
  const length = path.getTotalLength();
  const dot = draw("circle", { class: `message ${name}`, r: 5 });
  const started = performance.now() + begin;
  const duration = TRAVEL[name] ?? TRAVEL.default;
  function step(now) {
    const share = (now - started) / duration;
    if (share >= 1) {
      dot.remove();
      if (then) then();
      return;
    }
    if (share >= 0) {
      const { x, y } = path.getPointAtLength(share * length);
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y);
      if (!dot.isConnected) layer.append(dot);
    }
    requestAnimationFrame(step);
  }
  requestAnimationFrame(step);
}
