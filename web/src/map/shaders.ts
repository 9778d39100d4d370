// Shaders of the points. One vertex a point: nothing is instanced, so that a million points are a million vertices.
// A point whose colour has no alpha is hidden: its vertex leaves the view.

const vertexBody = `
  if (color.a == 0.0) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 1.0;
    return;
  }
  gl_PointSize = size * (perspective > 0.0 ? clamp(perspective / gl_Position.w, 0.3, 3.0) : 1.0);
  tint = vec4(color.rgb, color.a * opacity);
`;

export const vertexShader = (dim: 2 | 3): string => `#version 300 es
layout(location = 0) in vec${dim} position;
layout(location = 1) in vec4 color;
uniform mat4 matrix;
uniform float size;
uniform float opacity;
uniform float perspective;  // distance of the eye in 3-D, 0 in 2-D
out vec4 tint;
void main() {
  gl_Position = matrix * vec4(position, ${dim === 2 ? "0.0, 1.0" : "1.0"});
  ${vertexBody}
}
`;

// Points of a few pixels are squares: the eye sees no corners there, and the software renderer is twice as fast.
export const squareFragmentShader = `#version 300 es
precision highp float;
in vec4 tint;
out vec4 pixel;
void main() {
  pixel = vec4(tint.rgb * tint.a, tint.a);
}
`;

export const roundFragmentShader = `#version 300 es
precision highp float;
in vec4 tint;
uniform float size;
uniform vec4 ring;  // colour of the ring around a lit point; no alpha: none
out vec4 pixel;
void main() {
  float distance = length(gl_PointCoord - 0.5) * 2.0;
  float edge = 2.0 / size;
  float alpha = tint.a * (1.0 - smoothstep(1.0 - edge, 1.0, distance));
  if (alpha <= 0.0) discard;
  vec3 rgb = mix(tint.rgb, ring.rgb, ring.a * smoothstep(0.72, 0.80, distance));
  pixel = vec4(rgb * alpha, alpha);
}
`;
