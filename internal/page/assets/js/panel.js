// ---- panel.js: the figures of the runs that are shown.

// figuresOf shows totals, energy, utilisation, bound and critical path of a run.
function figuresOf(header, run) {
  const share = (c) => c / Math.max(run.latency, 1);
  const rows = [
    ["latency", `${cycles(run.latency)} (${exactly(run.latency)})`], ["energy", energy(run.energy)], ["EDP", run.edp.toExponential(3) + " pJ·cycles"],
    ["computation nodes", exactly(run.nodes)], ["dependencies", exactly(run.dependencies)], ["transfers", exactly(run.transfers)],
  ];
  if (run.bound.latency > 0) {
    rows.push(["no schedule beats", cycles(run.bound.latency)], ["gap", percent((run.latency - run.bound.latency) / run.bound.latency)], ["bound set by", run.bound.by]);
  }
  if (run.bound.energy > 0) {
    rows.push(["no schedule spends less than", energy(run.bound.energy)], ["gap", percent((run.energy - run.bound.energy) / run.bound.energy)], ["bound set by", run.bound.energyBy]);
  }
  rows.push(["search", `${plural(run.search.evaluations, "allocation")}${run.search.exhaustive ? ", all there are" : ""}${run.search.interrupted ? ", interrupted" : ""}`]);
  const parts = run.parts.map((value, i) => ({ ...header.energyParts[i], value })).filter((p) => p.value > 0);
  const steps = run.shares.map((s) => ({ name: run.resource(s.on), value: s.cycles, of: run.latency, colour: resourceColours[s.on & 3] }));
  const most = 12, rest = steps.slice(most).reduce((sum, s) => sum + s.value, 0);
  if (rest > 0) steps.splice(most, steps.length, { name: `${run.shares.length - most} others`, value: rest, of: run.latency, colour: "#888888" });
  const cores = run.cores.filter((c) => c.nodes > 0).map((c) => ({ name: c.name, value: c.busy, of: run.latency, colour: "#0072b2" }));
  const links = run.links.filter((l) => l.busy > 0).sort((a, b) => b.busy - a.busy).slice(0, 8).map((l) => ({ name: l.name, value: l.busy, of: run.latency, colour: "#d55e00" }));
  const busy = (r) => percent(share(r.value));
  return element("div", { class: "run" },
    element("h2", {}, run.title), facts(rows),
    element("h3", {}, "Energy"), bars(parts, (p) => `${energy(p.value)} · ${percent(p.value / run.energy)}`),
    element("h3", {}, "Critical path: what held up the latency"), bars(steps, (r) => `${cycles(r.value)} · ${busy(r)}`),
    element("h3", {}, "Cores busy"), bars(cores, busy),
    element("h3", {}, links.length === 8 ? "Links busy (the busiest)" : "Links busy"), bars(links, busy),
  );
}

// legend explains the colours of the lanes.
function legend(header) {
  const keys = (list) => element("ul", { class: "plain" }, ...list.map((k) => element("li", {}, element("span", { class: "key", style: { background: k.colour } }), k.name)));
  return element("div", { class: "run" },
    element("h3", {}, "Stripes on links"), keys(header.kinds.slice(0, 4)),
    element("h3", {}, "Critical path"), keys(resourceNames.map((name, i) => ({ name, colour: resourceColours[i] })).slice(1)),
    element("h3", {}, "Lines from and to the selection"),
    keys([{ name: "what it reads", colour: "#0072b2" }, { name: "what reads it", colour: "#009e73" }, { name: "what it waited for", colour: "var(--focus)" }]),
  );
}
