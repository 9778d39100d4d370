// Draws the points of one map with WebGL 2: positions and colours lie on the graphics card, a frame is one call.
// Cost: 12 or 16 bytes a point there. A lost context is made anew from the arrays that were given last; they are kept
// by reference, not copied.

import { roundFragmentShader, squareFragmentShader, vertexShader } from "./shaders";

export interface Frame {
  matrix: Float32Array; // data to clip space, column by column
  sizePx: number; // diameter of a point, in pixels of the canvas
  litSizePx: number; // of a lit one
  opacity: number; // of points that are not lit, 0..1
  perspective: number; // distance of the eye in 3-D, 0 in 2-D
  background: readonly [number, number, number]; // 0..1
  ring: readonly [number, number, number]; // around lit points
}

export interface PointLayer {
  setPositions(positions: Float32Array, dim: 2 | 3): void; // [row_count, dim], no NaN
  setColors(colors: Uint8Array): void; // [row_count, 4]; alpha 0 hides
  setLit(rows: Uint32Array): void; // drawn last, larger, with a ring
  draw(frame: Frame): void;
  resize(widthPx: number, heightPx: number): void;
  release(): void;
}

const roundFromPx = 4;

interface Program {
  program: WebGLProgram;
  uniform: (name: string) => WebGLUniformLocation | null;
}

function link(gl: WebGL2RenderingContext, vertex: string, fragment: string): Program {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(type);
    if (!shader) throw new Error("WebGL gives no shader");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`a shader of the map does not compile: ${gl.getProgramInfoLog(program) ?? ""}`);
  }
  const places = new Map<string, WebGLUniformLocation | null>();
  return {
    program,
    uniform: (name) => {
      if (!places.has(name)) places.set(name, gl.getUniformLocation(program, name));
      return places.get(name) ?? null;
    },
  };
}

// Whether WebGL 2 is there and not computed on the processor. Chromium's `failIfMajorPerformanceCaveat` lets its own
// software renderer pass, so the renderer's name is read; on a canvas of its own, because a canvas keeps its first kind
// of context.
function hasGraphicsCard(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
}

export class WebGlPointLayer implements PointLayer {
  private readonly gl: WebGL2RenderingContext;
  private readonly canvas: HTMLCanvasElement;
  private readonly onRestored: () => void;
  private programs = new Map<string, Program>();
  private buffers: { position: WebGLBuffer; color: WebGLBuffer; lit: WebGLBuffer } | null = null;
  private positions = new Float32Array(0);
  private dim: 2 | 3 = 2;
  private colors = new Uint8Array(0);
  private lit = new Uint32Array(0);

  // null where the browser has no WebGL 2, or only one computed on the processor, unless `evenSoftware`. `onRestored`
  // asks for a frame after a lost context came back.
  static create(canvas: HTMLCanvasElement, evenSoftware: boolean, onRestored: () => void): WebGlPointLayer | null {
    if (!evenSoftware && !hasGraphicsCard()) return null;
    const gl = canvas.getContext("webgl2", {
      alpha: false,
      antialias: false,
      depth: true,
      powerPreference: "high-performance",
    });
    return gl ? new WebGlPointLayer(gl, canvas, onRestored) : null;
  }

  private constructor(gl: WebGL2RenderingContext, canvas: HTMLCanvasElement, onRestored: () => void) {
    this.gl = gl;
    this.canvas = canvas;
    this.onRestored = onRestored;
    canvas.addEventListener("webglcontextlost", this.handleLost);
    canvas.addEventListener("webglcontextrestored", this.handleRestored);
    this.makeBuffers();
  }

  private handleLost = (event: Event): void => {
    event.preventDefault(); // without it the browser does not restore
    this.buffers = null;
    this.programs.clear();
  };

  private handleRestored = (): void => {
    this.makeBuffers();
    this.setPositions(this.positions, this.dim);
    this.setColors(this.colors);
    this.setLit(this.lit);
    this.onRestored();
  };

  private makeBuffers(): void {
    const { gl } = this;
    this.buffers = { position: gl.createBuffer(), color: gl.createBuffer(), lit: gl.createBuffer() };
  }

  setPositions(positions: Float32Array, dim: 2 | 3): void {
    this.positions = positions as Float32Array<ArrayBuffer>;
    this.dim = dim;
    if (!this.buffers) return;
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers.position);
    gl.bufferData(gl.ARRAY_BUFFER, positions, gl.STATIC_DRAW);
  }

  setColors(colors: Uint8Array): void {
    this.colors = colors as Uint8Array<ArrayBuffer>;
    if (!this.buffers) return;
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers.color);
    gl.bufferData(gl.ARRAY_BUFFER, colors, gl.DYNAMIC_DRAW);
  }

  setLit(rows: Uint32Array): void {
    this.lit = rows as Uint32Array<ArrayBuffer>;
    if (!this.buffers) return;
    const { gl } = this;
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.lit);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, rows, gl.DYNAMIC_DRAW);
  }

  resize(widthPx: number, heightPx: number): void {
    if (this.canvas.width !== widthPx || this.canvas.height !== heightPx) {
      this.canvas.width = widthPx;
      this.canvas.height = heightPx;
    }
  }

  draw(frame: Frame): void {
    const { gl, buffers } = this;
    if (!buffers || gl.isContextLost()) return;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(...frame.background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const rowCount = Math.min(this.positions.length / this.dim, this.colors.length / 4);
    if (rowCount === 0) return;
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    // In 3-D what is behind stays behind; in 2-D later rows lie over earlier ones.
    if (this.dim === 3) gl.enable(gl.DEPTH_TEST);
    else gl.disable(gl.DEPTH_TEST);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.position);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, this.dim, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.color);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
    this.use(frame, frame.sizePx, frame.opacity, 0);
    gl.drawArrays(gl.POINTS, 0, rowCount);
    if (this.lit.length > 0) {
      gl.disable(gl.DEPTH_TEST);
      this.use(frame, frame.litSizePx, 1, this.lit.length < 5000 ? 1 : 0);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.lit);
      gl.drawElements(gl.POINTS, this.lit.length, gl.UNSIGNED_INT, 0);
    }
  }

  private use(frame: Frame, sizePx: number, opacity: number, ringAlpha: number): void {
    const { gl } = this;
    const round = sizePx >= roundFromPx;
    const name = `${round ? "round" : "square"}${this.dim.toString()}`;
    let program = this.programs.get(name);
    if (!program) {
      program = link(gl, vertexShader(this.dim), round ? roundFragmentShader : squareFragmentShader);
      this.programs.set(name, program);
    }
    gl.useProgram(program.program);
    gl.uniformMatrix4fv(program.uniform("matrix"), false, frame.matrix);
    gl.uniform1f(program.uniform("size"), sizePx);
    gl.uniform1f(program.uniform("opacity"), opacity);
    gl.uniform1f(program.uniform("perspective"), frame.perspective);
    if (round) gl.uniform4f(program.uniform("ring"), ...frame.ring, ringAlpha);
  }

  release(): void {
    this.canvas.removeEventListener("webglcontextlost", this.handleLost);
    this.canvas.removeEventListener("webglcontextrestored", this.handleRestored);
    const { gl, buffers } = this;
    if (buffers) for (const buffer of [buffers.position, buffers.color, buffers.lit]) gl.deleteBuffer(buffer);
    for (const { program } of this.programs.values()) gl.deleteProgram(program);
    this.buffers = null;
    this.programs.clear();
  }
}
