// A made-up collection that follows the page's contract: clusters in 16 dimensions whose items have texts, pictures and
// columns of every type. Everything follows from the row's number and the name, so that tests know what to expect.

const themes = [
  "football match", "soccer league", "running shoes", "kitchen knife", "garden chair", "winter coat",
  "phone charger", "oil painting", "mountain bike", "jazz record", "chess board", "sourdough bread",
];

export function makeGenerator(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

const clusterOf = (row) => (row * 7) % themes.length;

export class MockCollection {
  constructor({ name, rowCount, kind = "text", categories = 0, empty = false }) {
    this.name = name;
    this.rowCount = rowCount;
    this.kind = kind;
    this.categoryCount = categories;
    this.empty = empty;
    this.snapshot = "s1";
    this.created = [];
  }

  projections() {
    if (this.empty) return [];
    const make = (name, dim, more = {}) => ({
      name, method: "umap", dim, row_count: this.rowCount, seed: 42, created: "2026-11-29T12:00:00Z", stale: false,
      trustworthiness: 0.971, continuity: 0.958, neighbor_count: 15, version: null, series: null, series_step: null, series_label: null, series_bounds: null,
      ...more,
    });
    const steps = [1, 2, 3, 4].map((step) => make(`step-${step}`, 2, { series: "training", series_step: step }));
    return [make("umap", 2), make("pca", 2, { method: "pca", trustworthiness: 0.83 }), make("umap3", 3), ...steps];
  }

  columns() {
    const clusters = Array.from({ length: this.rowCount }, (_, row) => clusterOf(row));
    const counts = themes.map((_, theme) => clusters.filter((cluster) => cluster === theme).length);
    const columns = [
      { name: "theme", type: "category", values: themes, counts, missing: 0, distinct: themes.length },
      { name: "price", type: "number", min: 1, max: 200, missing: Math.ceil(this.rowCount / 50) },
      { name: "day", type: "date", min: "2024-01-01T00:00:00Z", max: "2025-12-31T00:00:00Z", missing: 0 },
    ];
    if (this.categoryCount > 0) {
      const values = Array.from({ length: this.categoryCount }, (_, code) => `value ${code}`);
      const perValue = Math.floor(this.rowCount / this.categoryCount);
      columns.push({ name: "tag", type: "category", values, counts: values.map(() => perValue), missing: 0, distinct: this.categoryCount });
    }
    return columns;
  }

  manifest() {
    return {
      collection: this.name, snapshot: this.snapshot, stale: false, kind: this.kind, row_count: this.rowCount,
      model: "builtin", dim: 16, metric: "cosine", version: null, versions: [], projections: this.projections(), columns: this.columns(),
      labels: true, thumbnails: this.kind === "image",
      search: { text: true, image: this.kind === "image", arithmetic: true }, writable: true,
    };
  }

  points(projection) {
    const dim = projection === "umap3" ? 3 : 2;
    const spread = projection === "pca" ? 2.4 : projection.startsWith("step-") ? 5 - Number(projection.slice(5)) : 0.8;
    const { normal } = makeGenerator(projection === "pca" ? 11 : 5);
    const points = new Float32Array(this.rowCount * dim);
    for (let row = 0; row < this.rowCount; row++) {
      const angle = (clusterOf(row) / themes.length) * Math.PI * 2;
      const radius = clusterOf(row) % 2 ? 8 : 5;
      points[row * dim] = Math.cos(angle) * radius + normal() * spread;
      points[row * dim + 1] = Math.sin(angle) * radius + normal() * spread;
      if (dim === 3) points[row * dim + 2] = (clusterOf(row) % 3) * 4 - 4 + normal();
    }
    if (this.rowCount > 20) points.fill(NaN, 9 * dim, 10 * dim); // one row has no place
    return points;
  }

  column(name) {
    const rows = Array.from({ length: this.rowCount }, (_, row) => row);
    if (name === "theme") return Uint16Array.from(rows, clusterOf);
    if (name === "tag") return Uint16Array.from(rows, (row) => row % this.categoryCount);
    if (name === "day") return Float64Array.from(rows, (row) => Date.UTC(2024, 0, 1) + ((row * 37) % 730) * 86_400_000);
    return Float64Array.from(rows, (row) => (row % 50 === 0 ? NaN : 1 + ((row * 13) % 200)));
  }

  distortion() {
    return Float32Array.from({ length: this.rowCount * 2 }, (_, place) => 1 - ((place * 31) % 100) / 140);
  }

  labels() {
    const label = (text, theme) => {
      const angle = (theme / themes.length) * Math.PI * 2;
      const radius = theme % 2 ? 8 : 5;
      const named = this.kind === "image" ? { rows: [theme * 7 + 12].map((row) => row % this.rowCount) } : { text };
      return { x: Math.cos(angle) * radius, y: Math.sin(angle) * radius, z: (theme % 3) * 4 - 4, ...named, count: Math.floor(this.rowCount / 12) };
    };
    const words = themes.map((theme, place) => label(theme.split(" ")[0], place));
    return { levels: [{ zoom: 1, labels: words }, { zoom: 2, labels: themes.map(label) }] };
  }

  item(row) {
    const theme = themes[clusterOf(row)];
    const hostile = row === 3 ? '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>' : "";
    const price = row % 50 === 0 ? null : 1 + ((row * 13) % 200);
    const text = this.kind === "text" ? `${hostile}A short text ${row} about a ${theme}` : null;
    return { row, id: `item-${row}`, text, image: this.kind === "image", metadata: { theme, price, note: hostile } };
  }

  neighborsOf(row, count) {
    const neighbors = [];
    for (let step = 1; neighbors.length < count && step < this.rowCount; step++) {
      const other = (row + step * 12) % this.rowCount;
      if (other !== row && clusterOf(other) === clusterOf(row)) neighbors.push({ row: other, score: 1 - neighbors.length * 0.01 });
    }
    const map_neighbors = neighbors.slice(0, 10).map(({ row: near }, place) => {
      const isFalse = place % 4 === 3;
      return { row: isFalse ? (near + 1) % this.rowCount : near, distance: 0.1 * place, rank: isFalse ? null : place + 1, false: isFalse };
    });
    return { row, neighbors, map_neighbors };
  }

  rowsOfTheme(words) {
    const wanted = themes.findIndex((theme) => words.toLowerCase().split(/\W+/).some((word) => word.length > 3 && theme.includes(word)));
    const rows = Array.from({ length: this.rowCount }, (_, row) => row);
    return wanted < 0 ? rows : rows.filter((row) => clusterOf(row) === wanted);
  }
}
