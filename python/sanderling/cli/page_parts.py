"""Style and script of the page that `inspect --html` writes."""

STYLE = """
:root { --ink: #1d2730; --soft: #62707c; --paper: #f7f8f9; --card: #fff; --line: #d7dde2; --edge: #9aa7b2;
  --matrix: #cfe2f7; --pool: #d9ecd2; --move: #e6e4ee; --convert: #f6e8c8; --state: #f5d9e3; --other: #e3ecec;
  --input: #fff; --output: #fff; --missing: #f6c6c0; --mark: #1f6fb5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ed; --soft: #98a5b0; --paper: #14191e; --card: #1c232a;
  --line: #323c45; --edge: #5d6b77; --matrix: #1f3f61; --pool: #2b4a25; --move: #3a3650; --convert: #55461f;
  --state: #57293b; --other: #2c4242; --input: #1c232a; --output: #1c232a; --missing: #6d2a24; --mark: #6db4f2; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 14px/1.45 system-ui, sans-serif; }
header { padding: 18px 24px 12px; background: var(--card); border-bottom: 1px solid var(--line); }
h1 { margin: 0 0 8px; font-size: 20px; overflow-wrap: anywhere; }
h2 { margin: 20px 24px 0; font-size: 15px; }
dl { display: grid; grid-auto-flow: column; grid-template-rows: auto auto; justify-content: start; gap: 0 28px;
  margin: 0; overflow: auto; }
dt { color: var(--soft); font-size: 12px; }
dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
.problem { margin: 10px 0 0; color: #c0392b; overflow-wrap: anywhere; }
.counts { display: flex; flex-wrap: wrap; gap: 4px; margin: 12px 0 0; padding: 0; list-style: none; font-size: 12px; }
.counts li { padding: 1px 8px; border-radius: 10px; }
main { display: flex; align-items: flex-start; }
.graphs { flex: 1; min-width: 0; }
.note { margin: 12px 24px 0; color: var(--soft); font-size: 12px; }
.drawing { overflow-x: auto; }
svg { display: block; margin: 0 auto; font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
text { fill: var(--soft); text-anchor: middle; pointer-events: none; font-size: 11.5px; }
text.op { fill: var(--ink); font-weight: 600; font-size: 12px; }
.node { cursor: pointer; outline: none; }
.node rect { stroke: var(--line); }
.node rect.bar { fill: var(--mark); stroke: none; }
.node:hover > rect:first-of-type, .node:focus > rect:first-of-type { stroke: var(--mark); }
.node.chosen > rect:first-of-type { stroke: var(--mark); stroke-width: 2.5; }
.edge { cursor: pointer; fill: none; }
.edge path { stroke: var(--edge); stroke-width: 1.4; }
.edge path.wide { stroke: transparent; stroke-width: 9; }
.edge:hover path:last-child, .edge.chosen path:last-child { stroke: var(--mark); stroke-width: 2.5; }
.matrix > rect { fill: var(--matrix); } .pool > rect { fill: var(--pool); } .move > rect { fill: var(--move); }
.convert > rect { fill: var(--convert); } .state > rect { fill: var(--state); } .other > rect { fill: var(--other); }
.input > rect { fill: var(--input); } .output > rect { fill: var(--output); } .missing > rect { fill: var(--missing); }
li.missing { background: var(--missing); }
li.matrix { background: var(--matrix); } li.pool { background: var(--pool); } li.move { background: var(--move); }
li.convert { background: var(--convert); } li.state { background: var(--state); } li.other { background: var(--other); }
aside { position: sticky; top: 0; width: 360px; max-height: 100vh; overflow: auto; padding: 18px;
  border-left: 1px solid var(--line); background: var(--card); align-self: stretch; overflow-wrap: anywhere; }
aside h3 { margin: 0 0 2px; font-size: 15px; } aside h4 { margin: 14px 0 2px; font-size: 12px; color: var(--soft); }
aside p { margin: 2px 0; } aside .hint, aside .small { color: var(--soft); font-size: 12px; }
aside table { border-collapse: collapse; width: 100%; font-size: 13px; }
aside td { padding: 1px 8px 1px 0; vertical-align: top; } aside td:first-child { color: var(--soft); width: 40%; }
@media (max-width: 800px) { main { display: block; } aside { position: fixed; bottom: 0; top: auto; width: 100%;
  max-height: 45vh; border-left: none; border-top: 1px solid var(--line); } }
"""

SCRIPT = """
const graphs = JSON.parse(document.getElementById('data').textContent);
const panel = document.getElementById('details');
function add(parent, tag, text, name) {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (name) e.className = name;
  parent.appendChild(e);
  return e;
}
function rows(entries) {
  const t = add(panel, 'table');
  for (const [k, v] of entries) { const r = add(t, 'tr'); add(r, 'td', k); add(r, 'td', v); }
}
function list(values, total) { return values.join(', ') + (total > values.length ? ', \\u2026' : ''); }
function tensor(t, role) {
  add(panel, 'h4', role);
  add(panel, 'p', t.name || '(no name)');
  const kind = t.constant ? 'constant ' : t.variable ? 'variable ' : '';
  const free = t.free ? ' (free: ' + t.free.map(n => n < 0 ? '?' : n).join('x') + ')' : '';
  add(panel, 'p', kind + t.dtype + ' ' + (t.shape.join('x') || 'scalar') + free, 'small');
  const q = t.quantization;
  if (q) add(panel, 'p', 'scale ' + list(q.scale.map(s => Number(s).toPrecision(6)), q.channels) + '; zero point ' +
    list(q.zero_point, q.channels) + (q.channels > 1 ? '; ' + q.channels + ' channels, axis ' + q.axis : ''), 'small');
  if (t.value !== undefined) add(panel, 'p', 'value ' + JSON.stringify(t.value), 'small');
}
function show(id) {
  panel.textContent = '';
  const [g, what] = id.split(':');
  const graph = graphs[g], index = Number(what.slice(1));
  if (what[0] === 't') {
    tensor(graph.tensors[index], 'tensor ' + index);
    return;
  }
  const step = graph.steps[index];
  add(panel, 'h3', step.op);
  add(panel, 'p', 'step ' + index + (step.supported === false ? ', not an operator of sanderling' : ''), 'small');
  const facts = [];
  if (step.macs) facts.push(['multiply-adds', step.macs.toLocaleString('en')]);
  if (step.parameters) facts.push(['parameters', step.parameters.toLocaleString('en')]);
  if (facts.length) rows(facts);
  const attributes = Object.entries(step.attributes);
  if (attributes.length) {
    add(panel, 'h4', 'attributes');
    rows(attributes.map(([k, v]) => [k, typeof v === 'string' ? v : JSON.stringify(v)]));
  }
  step.inputs.forEach((t, i) => { if (t >= 0) tensor(graph.tensors[t], 'input ' + i); });
  step.outputs.forEach((t, i) => { if (t >= 0) tensor(graph.tensors[t], 'output ' + i); });
}
function choose(element) {
  document.querySelectorAll('.chosen').forEach(e => e.classList.remove('chosen'));
  element.classList.add('chosen');
  show(element.dataset.id);
}
document.addEventListener('click', e => { const g = e.target.closest('[data-id]'); if (g) choose(g); });
document.addEventListener('keydown', e => {
  if (e.key === 'Enter' && e.target.dataset && e.target.dataset.id) choose(e.target);
});
"""
