// ---- lanes.js: what is drawn in each lane, prepared so that any stretch of time is
// found by bisection.

// Boxes are stretches of time with an event each, sorted by start.
class Boxes {
  constructor(length) {
    this.length = length;
    this.start = new Float64Array(length);
    this.end = new Float64Array(length);
    this.event = new Int32Array(length);
    this.paint = new Int32Array(length); // number of a colour
    this.stripe = new Int32Array(length); // number of what stripes it
    this.filled = 0;
  }

  push(start, length, event, paint, stripe) {
    const i = this.filled++;
    this.start[i] = start;
    this.end[i] = start + length;
    this.event[i] = event;
    this.paint[i] = paint;
    this.stripe[i] = stripe;
  }

  // settle finds how far the boxes up to each one reach, and how long the lane has
  // been busy before it.
  settle() {
    this.reach = new Float64Array(this.length);
    this.busy = new Float64Array(this.length + 1);
    let reach = -1, busy = 0;
    for (let i = 0; i < this.length; i++) {
      this.busy[i] = busy;
      const from = Math.max(this.start[i], reach);
      if (this.end[i] > from) busy += this.end[i] - from;
      reach = Math.max(reach, this.end[i]);
      this.reach[i] = reach;
    }
    this.busy[this.length] = busy;
  }

  // first is the first box that may end after t.
  first(t) { return bisect(this.reach, t, 0, this.length); }

  // at is the box that holds time t, or lies within near of it; -1 if none does.
  at(t, near) {
    for (let i = this.first(t - near); i < this.length && this.start[i] <= t + near; i++) {
      if (this.end[i] >= t - near) return i;
    }
    return -1;
  }
}

// bisect is the index of the first of some ascending numbers that is greater than x.
function bisect(numbers, x, from, to) {
  while (from < to) {
    const middle = (from + to) >> 1;
    if (numbers[middle] > x) to = middle; else from = middle + 1;
  }
  return from;
}

// gallop is bisect for an answer that is not far from the beginning.
function gallop(numbers, x, from, to) {
  let step = 1;
  while (from + step < to && numbers[from + step] <= x) {
    from += step;
    step *= 2;
  }
  return bisect(numbers, x, from, Math.min(from + step, to));
}

// Curve is the use of a memory over time, with the extremes of its stretches.
class Curve {
  constructor(times, bits) {
    this.times = times;
    this.levels = [[bits, bits]]; // lowest and highest, of 16 times more each
    while (this.levels.at(-1)[0].length > 32) {
      const [low, high] = this.levels.at(-1), n = Math.ceil(low.length / 16);
      const lower = new Float64Array(n), higher = new Float64Array(n);
      for (let i = 0; i < n; i++) {
        let a = Infinity, b = -Infinity;
        for (let k = 16 * i; k < Math.min(16 * i + 16, low.length); k++) {
          if (low[k] < a) a = low[k];
          if (high[k] > b) b = high[k];
        }
        lower[i] = a;
        higher[i] = b;
      }
      this.levels.push([lower, higher]);
    }
  }

  // range is the lowest and the highest of the values from one index to another.
  range(from, to) {
    let low = Infinity, high = -Infinity;
    for (let i = from; i < to;) {
      let level = 0, size = 1;
      while (level + 1 < this.levels.length && i % (size * 16) === 0 && i + size * 16 <= to) {
        level++;
        size *= 16;
      }
      low = Math.min(low, this.levels[level][0][i / size]);
      high = Math.max(high, this.levels[level][1][i / size]);
      i += size;
    }
    return [low, high];
  }

  // at is the value that holds at time t.
  at(t) {
    const i = bisect(this.times, t, 0, this.times.length) - 1;
    return i < 0 ? 0 : this.levels[0][0][i];
  }
}

// lanesOf lists the lanes of a run: the critical path, the cores, the links that are
// used, those to off-chip memory first, and the memories that are used.
function lanesOf(run) {
  const lanes = [{ run, type: "path", name: "critical path", height: 20, boxes: pathBoxes(run) }];
  const nodes = nodeBoxes(run), moves = transferBoxes(run), blocks = blockBoxes(run);
  run.cores.forEach((core, c) => {
    if (nodes[c].length || !core.offchip) {
      lanes.push({ run, type: "core", index: c, name: core.name, height: 24, share: core.busy / run.latency, boxes: nodes[c] });
    }
  });
  for (const offchip of [true, false]) {
    run.links.forEach((link, l) => {
      if (link.offchip === offchip && (moves[l].length || blocks[l].length)) {
        lanes.push({ run, type: "link", index: l, name: link.name, height: offchip ? 20 : 15, share: link.busy / run.latency, boxes: moves[l], reserved: blocks[l] });
      }
    });
  }
  run.memories.forEach((memory, m) => {
    if (memory.peak > 0) {
      const curve = new Curve(run.column(`memory.${m}.time`), run.column(`memory.${m}.bits`));
      lanes.push({ run, type: "memory", index: m, name: memory.name, height: memory.offchip ? 34 : 44, curve, full: Math.max(memory.offchip ? 0 : memory.capacity, memory.peak) });
    }
  });
  return lanes;
}

// spread deals boxes out to lanes: on lists the lanes of a thing, and push puts it
// into one. Things come by start.
function spread(lanes, count, order, on, push) {
  const lengths = new Int32Array(lanes);
  for (let i = 0; i < count; i++) for (const l of on(i)) lengths[l]++;
  const out = Array.from(lengths, (length) => new Boxes(length));
  for (let k = 0; k < count; k++) {
    const i = order ? order[k] : k;
    for (const l of on(i)) push(out[l], i);
  }
  for (const boxes of out) boxes.settle();
  return out;
}

function nodeBoxes(run) {
  const start = run.column("node.start"), length = run.column("node.length"), core = run.column("node.core");
  const lists = run.cores.map((_, c) => [c]);
  return spread(run.cores.length, run.nodes, run.column("node.order"), (n) => lists[core[n]],
    (boxes, n) => boxes.push(start[n], length[n], n + 1, run.layerOf(n), 0));
}

function transferBoxes(run) {
  const start = run.column("transfer.start"), length = run.column("transfer.length"), path = run.column("transfer.path");
  const layer = run.column("transfer.layer"), kind = run.column("transfer.kind");
  return spread(run.links.length, run.transfers, run.column("transfer.order"), (t) => run.paths[path[t]],
    (boxes, t) => boxes.push(start[t], length[t], -t - 1, layer[t], kind[t]));
}

function blockBoxes(run) {
  const start = run.column("block.start"), length = run.column("block.length"), path = run.column("block.path"), node = run.column("block.node");
  return spread(run.links.length, node.length, null, (b) => run.paths[path[b]],
    (boxes, b) => boxes.push(start[b], length[b], node[b] + 1, run.layerOf(node[b]), 0));
}

// The critical path is painted by kind of resource, not by layer; its stripe is the
// number of the step.
function pathBoxes(run) {
  const start = run.column("path.start"), length = run.column("path.length"), on = run.column("path.on"), event = run.column("path.event");
  const boxes = new Boxes(start.length);
  for (let i = 0; i < start.length; i++) boxes.push(start[i], length[i], event[i], on[i] & 3, i);
  boxes.settle();
  return boxes;
}
