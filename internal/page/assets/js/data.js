// ---- data.js: the block of data that the page carries; see package page for its layout.

// unpack returns the header, with a Run for each result.
async function unpack(base64) {
  const binary = atob(base64.trim());
  const packed = new Uint8Array(binary.length);
  for (let i = 0; i < packed.length; i++) packed[i] = binary.charCodeAt(i);
  const inflated = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const all = new Uint8Array(await new Response(inflated).arrayBuffer());
  const length = new DataView(all.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(all.subarray(4, 4 + length)));
  const columns = all.subarray(4 + length);
  header.runs = header.runs.map((run, i) => new Run(run, i, columns));
  return header;
}

// Run is one result. Its columns are read when they are first asked for.
class Run {
  constructor(head, index, bytes) {
    Object.assign(this, head);
    this.index = index;
    this.bytes = bytes;
    this.known = new Map(head.columns.map((c) => [c.name, c]));
    this.read = new Map();
  }

  // column returns the numbers of a column, or an empty one if there is none.
  column(name) {
    let values = this.read.get(name);
    if (!values) {
      const c = this.known.get(name);
      values = c ? readColumn(this.bytes, c) : new Int32Array(0);
      this.read.set(name, values);
    }
    return values;
  }

  get nodes() { return this.column("node.start").length; }
  get transfers() { return this.column("transfer.start").length; }

  nodeStart(n) { return this.column("node.start")[n]; }
  nodeEnd(n) { return this.column("node.start")[n] + this.column("node.length")[n]; }
  transferStart(t) { return this.column("transfer.start")[t]; }
  transferEnd(t) { return this.column("transfer.start")[t] + this.column("transfer.length")[t]; }

  // span is when an event happens. Events are numbers: node n is n+1, transfer t is
  // -t-1, and 0 is none.
  span(event) {
    if (event > 0) return [this.nodeStart(event - 1), this.nodeEnd(event - 1)];
    return [this.transferStart(-event - 1), this.transferEnd(-event - 1)];
  }

  // layerOf is the index of a node's layer.
  layerOf(n) {
    if (!this.layerOfNode) {
      this.layerOfNode = new Int32Array(this.nodes);
      this.layers.forEach((l, i) => this.layerOfNode.fill(i, l.first, l.first + l.nodes));
    }
    return this.layerOfNode[n];
  }

  // cost is what a node takes on its core, undefined if the page does not know.
  cost(n) { return this.costs[this.column("node.cost")[n]]; }

  // ranges are the loop ranges of a node: name, size of the whole loop, from, to.
  ranges(n) {
    const l = this.layerOf(n), layer = this.layers[l], i = n - layer.first;
    return layer.dims.map((d, k) => d.cut
      ? [d.name, d.size, this.column(`lo.${l}.${k}`)[i], this.column(`hi.${l}.${k}`)[i]]
      : [d.name, d.size, 0, d.size]);
  }

  // producers and consumers list the dependencies of a node.
  producers(n) {
    this.index_();
    const out = [];
    for (let e = this.inStart[n]; e < this.inStart[n + 1]; e++) out.push(this.edge(e, this.column("edge.src")[e]));
    return out;
  }

  consumers(n) {
    this.index_();
    const out = [];
    for (let i = this.outStart[n]; i < this.outStart[n + 1]; i++) out.push(this.edge(this.outEdge[i], this.outNode[i]));
    return out;
  }

  edge(e, node) { return { node, operand: this.column("edge.operand")[e], bits: this.column("edge.bits")[e] }; }

  // index_ lists the edges by both of their ends, once they are asked for.
  index_() {
    if (this.inStart) return;
    const count = this.column("edge.count"), src = this.column("edge.src"), n = this.nodes;
    this.inStart = new Int32Array(n + 1);
    this.outStart = new Int32Array(n + 1);
    for (let i = 0; i < n; i++) this.inStart[i + 1] = this.inStart[i] + count[i];
    for (let e = 0; e < src.length; e++) this.outStart[src[e] + 1]++;
    for (let i = 0; i < n; i++) this.outStart[i + 1] += this.outStart[i];
    const next = this.outStart.slice();
    this.outEdge = new Int32Array(src.length);
    this.outNode = new Int32Array(src.length);
    for (let i = 0; i < n; i++) {
      for (let e = this.inStart[i]; e < this.inStart[i + 1]; e++) {
        const k = next[src[e]]++;
        this.outEdge[k] = e;
        this.outNode[k] = i;
      }
    }
  }

  // fetched lists the transfers that were made for a node.
  fetched(n) {
    if (!this.transfersFor) {
      this.transfersFor = new Map();
      this.column("transfer.node").forEach((node, t) => {
        const list = this.transfersFor.get(node);
        if (list) list.push(t); else this.transfersFor.set(node, [t]);
      });
    }
    return this.transfersFor.get(n) || [];
  }

  // resource names a core, link or memory: 4 times its index, plus its kind.
  resource(r) {
    const list = [null, this.cores, this.links, this.memories][r & 3];
    return list ? list[r >> 2].name : "nothing that is known";
  }
}

// readColumn reads differences, as zigzag varints.
function readColumn(bytes, column) {
  const values = column.kind === "int" ? new Int32Array(column.count) : new Float64Array(column.count);
  let at = column.at, last = 0;
  for (let i = 0; i < column.count; i++) {
    let b = bytes[at++], v = b & 127, scale = 128;
    while (b > 127) {
      b = bytes[at++];
      v += (b & 127) * scale;
      scale *= 128;
    }
    last += v % 2 ? -(v + 1) / 2 : v / 2;
    values[i] = last;
  }
  if (column.kind === "float") for (let i = 0; i < values.length; i++) values[i] = column.values[values[i]];
  return values;
}
