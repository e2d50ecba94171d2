// Draws docs/flow.svg from docs/flow.dot: `make picture`.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { Graphviz } from "@hpcc-js/wasm-graphviz";

const SOURCE = new URL("flow.dot", import.meta.url);
const PICTURE = new URL("flow.svg", import.meta.url);
// Readable on a light and on a dark page.
const STYLE = `<style>
  text { fill: #1f2328; } .edge path { stroke: #59636e; } .edge polygon { stroke: #59636e; fill: #59636e; }
  .node path { stroke: #59636e; fill: #f6f8fa; } .code path { stroke: #0969da; fill: #ddf4ff; }
  .outside path { stroke: #1a7f37; fill: #dafbe1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .edge path { stroke: #9198a1; } .edge polygon { stroke: #9198a1; fill: #9198a1; }
    .node path { stroke: #9198a1; fill: #151b23; } .code path { stroke: #4493f8; fill: #0c2d6b; }
    .outside path { stroke: #3fb950; fill: #04260f; }
  }
</style>`;

const source = readFileSync(SOURCE, "utf8");
const digest = createHash("sha256").update(source).digest("hex");
const drawn = (await Graphviz.load()).dot(source);
const svg = drawn.slice(drawn.indexOf("<svg")).replace(/(<svg[^>]*>)/, `$1\n<!-- flow.dot sha256:${digest} -->\n${STYLE}`);
writeFileSync(PICTURE, svg);
