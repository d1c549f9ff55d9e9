// ---- details.js: all about one node or transfer.

const causes = ["", "core busy", "data moved", "link busy", "memory full", "data computed"];
const reasons = ["fetched", "evicted to make room", "network output written", "fetched ahead", "stored for a node that streams it"];

// nameOf names an event: "conv1 12", "W of conv1".
function nameOf(run, event) {
  if (event > 0) {
    const layer = run.layers[run.layerOf(event - 1)];
    return layer.nodes > 1 ? `${layer.short} ${run.column("node.sub")[event - 1]}` : layer.short;
  }
  const t = -event - 1, layer = run.layers[run.column("transfer.layer")[t]];
  return `${layer.operands[run.column("transfer.operand")[t]]} of ${layer.short}`;
}

// waitedFor tells what an event waited for last: the cause, the event that ended
// then, and in words the core, link or memory over which it waited.
function waitedFor(run, event) {
  const kind = event > 0 ? "node" : "transfer", i = event > 0 ? event - 1 : -event - 1;
  const cause = run.column(kind + ".cause")[i];
  return { cause: causes[cause], event: cause ? run.column(kind + ".for")[i] : 0, on: cause ? run.resource(run.column(kind + ".on")[i]) : "" };
}

// sentence says in words what an event waited for.
function sentence(run, w) {
  if (!w.event) return "nothing: it began as soon as it could";
  const what = nameOf(run, w.event);
  const until = exactly(run.span(w.event)[1]);
  return {
    "core busy": `${w.on} ran ${what} until ${until}`,
    "data moved": `${what} came over ${w.on} until ${until}`,
    "link busy": `${w.on} was taken by ${what} until ${until}`,
    "memory full": `${w.on} had no room until ${what} ended at ${until}`,
    "data computed": `${what} was computed on ${w.on} until ${until}`,
  }[w.cause];
}

// route names the links of a transfer.
function route(run, t) {
  const links = run.paths[run.column("transfer.path")[t]];
  return links.length ? links.map((l) => run.links[l].name).join(", ") : "within the core";
}

// inBrief is what the pointer shows of an event.
function inBrief(run, event) {
  const [start, end] = run.span(event), lines = [];
  const w = waitedFor(run, event);
  if (event > 0) {
    const n = event - 1, layer = run.layers[run.layerOf(n)], cost = run.cost(n);
    lines.push(`${nameOf(run, event)} · ${layer.type} on ${run.cores[run.column("node.core")[n]].name}`);
    lines.push(`${exactly(start)} – ${exactly(end)} (${cycles(end - start)})`);
    const cut = run.ranges(n).filter(([, size, lo, hi]) => hi - lo < size).map(([name, size, lo, hi]) => `${name} ${lo}–${hi - 1} of ${size}`);
    if (cut.length) lines.push(cut.join(", "));
    if (cost) {
      lines.push(`compute ${cycles(cost.compute)}, stall ${cycles(cost.stall)}, loading ${cycles(cost.load + cost.store)}`);
      lines.push(`energy ${energy(cost.operation + cost.memory + cost.offchip)}`);
    }
  } else {
    const t = -event - 1;
    lines.push(`${nameOf(run, event)} · ${reasons[run.column("transfer.reason")[t]]}`);
    lines.push(`${exactly(start)} – ${exactly(end)} (${cycles(end - start)}), ${amount(run.column("transfer.bits")[t])} over ${route(run, t)}`);
  }
  lines.push("waited for: " + sentence(run, w));
  return lines.join("\n");
}

// Details fills the part of the panel for the selection. go selects another event.
class Details {
  constructor(place, go) {
    this.place = place;
    this.go = go;
  }

  show(selection) {
    this.place.replaceChildren();
    if (!selection) return;
    const { run, event } = selection;
    this.place.append(...(event > 0 ? this.node(run, event - 1) : this.transfer(run, -event - 1)));
  }

  // to is a button that selects an event.
  to(run, event, text) {
    return element("button", { class: "link", onclick: () => this.go(run, event) }, text || nameOf(run, event));
  }

  // chain follows the waiting back over a few events.
  chain(run, event) {
    const items = [];
    for (let i = 0; i < 4; i++) {
      const w = waitedFor(run, event);
      items.push(element("li", {}, i ? "which waited: " : "", w.event ? this.to(run, w.event, sentence(run, w)) : sentence(run, w)));
      if (!w.event) break;
      event = w.event;
    }
    return element("ul", { class: "plain" }, ...items);
  }

  node(run, n) {
    const layer = run.layers[run.layerOf(n)], cost = run.cost(n), start = run.nodeStart(n), end = run.nodeEnd(n);
    const parts = [
      element("h2", {}, element("span", { class: "key", style: { background: layer.colour } }), nameOf(run, n + 1)),
      facts([
        ["layer", `${layer.name} (${layer.type})`], ["node", `${run.column("node.sub")[n]} of ${layer.nodes}`],
        ["core", run.cores[run.column("node.core")[n]].name], ["time", `${exactly(start)} – ${exactly(end)}`], ["takes", `${exactly(end - start)} cycles`],
      ]),
      element("h3", {}, "Waited for"), this.chain(run, n + 1),
      element("h3", {}, "Loop ranges"),
      facts(run.ranges(n).filter(([, size]) => size > 1).map(([name, size, lo, hi]) => [name, hi - lo === size ? `all ${size}` : `${lo} – ${hi - 1} of ${size}`])),
    ];
    if (cost) {
      const slowed = Math.max(0, end - start - cost.runtime);
      const times = [["compute", cost.compute, "#0072b2"], ["stall", cost.stall, "#d55e00"], ["loading", cost.load, "#e69f00"], ["storing", cost.store, "#cc79a7"], ["slowed by links", slowed, "#888888"]];
      parts.push(element("h3", {}, "Cycles"), bars(times.filter(([, v], i) => i < 3 || v > 0).map(([name, value, colour]) => ({ name, value, colour })), (r) => exactly(r.value)));
      const fetched = run.fetched(n);
      const moved = (column) => fetched.reduce((sum, t) => sum + run.column(column)[t], 0);
      const block = run.column("block.node").indexOf(n), streaming = block < 0 ? 0 : run.column("block.linkEnergy")[block];
      const energies = [["operations", cost.operation, "#0072b2"], ["core memories", cost.memory, "#56b4e9"], ["streamed off-chip", cost.offchip, "#d55e00"], ["streamed: links", streaming, "#cc79a7"],
        ["its transfers: memories", moved("transfer.memoryEnergy"), "#e69f00"], ["its transfers: links", moved("transfer.linkEnergy"), "#888888"]];
      parts.push(element("h3", {}, "Energy"), bars(energies.filter(([, v]) => v > 0).map(([name, value, colour]) => ({ name, value, colour })), (r) => energy(r.value)));
      if (cost.streamed) parts.push(element("p", { class: "soft" }, "Streams from off-chip memory, for want of room:" + cost.streamed));
    }
    const moves = run.fetched(n);
    if (moves.length) {
      parts.push(element("h3", {}, "Moved for it"), this.list(moves, (t) => [this.to(run, -t - 1),
        ` ${amount(run.column("transfer.bits")[t])} over ${route(run, t)}, until ${exactly(run.transferEnd(t))} (${reasons[run.column("transfer.reason")[t]]})`]));
    }
    for (const [title, edges] of [["Reads from", run.producers(n)], ["Read by", run.consumers(n)]]) {
      if (edges.length) {
        parts.push(element("h3", {}, `${title} (${edges.length})`), this.list(edges, (e) => [this.to(run, e.node + 1),
          e.operand < 0 ? " only ordered" : ` ${amount(e.bits)}`]));
      }
    }
    return parts;
  }

  // list shows the first few of many things.
  list(things, line) {
    const most = 10, items = things.slice(0, most).map((x) => element("li", {}, ...line(x)));
    if (things.length > most) items.push(element("li", { class: "soft" }, `and ${things.length - most} more`));
    return element("ul", { class: "plain" }, ...items);
  }

  transfer(run, t) {
    const at = (name) => run.column("transfer." + name)[t], layer = run.layers[at("layer")];
    const rows = [
      ["layer", layer.name], ["what", `${reasons[at("reason")]}`], ["size", `${amount(at("bits"))} (${exactly(at("bits"))} bits)`],
      ["from", run.memories[at("from")].name], ["to", run.memories[at("to")].name], ["over", route(run, t)],
      ["time", `${exactly(run.transferStart(t))} – ${exactly(run.transferEnd(t))}`], ["takes", `${exactly(at("length"))} cycles`],
      ["energy of links", energy(at("linkEnergy"))], ["energy of memories", energy(at("memoryEnergy"))],
    ];
    if (at("joined")) rows.push(["broadcast", "goes along with an earlier transfer of the same data"]);
    if (at("node") >= 0) rows.push(["on behalf of", this.to(run, at("node") + 1)]);
    return [
      element("h2", {}, element("span", { class: "key", style: { background: layer.colour } }), nameOf(run, -t - 1)),
      facts(rows), element("h3", {}, "Waited for"), this.chain(run, -t - 1),
    ];
  }
}
