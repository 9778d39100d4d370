// Rows of a plane map by cell, to find the nearest to a pixel and those inside a shape. Built once a projection:
// two passes over the rows, 4 bytes a row.

import type { Scene } from "./scene";

export class SpatialGrid {
  private readonly side: number;
  private readonly starts: Uint32Array; // [side * side + 1]
  private readonly rows: Uint32Array; // by cell
  private readonly positions: Float32Array;

  constructor({ positions, placed, rowCount, placedCount }: Scene) {
    this.positions = positions;
    this.side = Math.max(1, Math.min(1024, Math.ceil(Math.sqrt(placedCount / 4))));
    this.starts = new Uint32Array(this.side * this.side + 1);
    this.rows = new Uint32Array(placedCount);
    const cells = new Uint32Array(rowCount);
    for (let row = 0; row < rowCount; row++) {
      if (!placed[row]) continue;
      cells[row] = this.cell(positions[row * 2 + 1]) * this.side + this.cell(positions[row * 2]);
      this.starts[cells[row] + 1]++;
    }
    for (let cell = 0; cell < this.side * this.side; cell++) this.starts[cell + 1] += this.starts[cell];
    const next = this.starts.slice();
    for (let row = 0; row < rowCount; row++) if (placed[row]) this.rows[next[cells[row]]++] = row;
  }

  private cell(value: number): number {
    return Math.max(0, Math.min(this.side - 1, Math.floor(((value + 1) / 2) * this.side)));
  }

  // Rows whose cells touch the box; more than lie in it, never fewer.
  *candidates(minX: number, minY: number, maxX: number, maxY: number): Generator<number> {
    const [firstX, lastX] = [this.cell(minX), this.cell(maxX)];
    for (let y = this.cell(minY); y <= this.cell(maxY); y++) {
      const end = this.starts[y * this.side + lastX + 1];
      for (let place = this.starts[y * this.side + firstX]; place < end; place++) yield this.rows[place];
    }
  }

  // The row nearest to a place within `radius` for which `shown` says so; -1 without one.
  nearest(x: number, y: number, radius: number, shown: (row: number) => boolean): number {
    let best = -1;
    let bestDistance = radius * radius;
    for (const row of this.candidates(x - radius, y - radius, x + radius, y + radius)) {
      const dx = this.positions[row * 2] - x;
      const dy = this.positions[row * 2 + 1] - y;
      const distance = dx * dx + dy * dy;
      if (distance <= bestDistance && shown(row)) {
        best = row;
        bestDistance = distance;
      }
    }
    return best;
  }
}
