// The first principal components of dropped vectors, by power iteration with deflation on their covariance, which is
// never formed: each round is two passes over the rows. Deterministic; enough for a first look.

const roundCount = 24;

export function principalPlace(vectors: Float32Array, dim: number, componentCount: number): Float32Array {
  const rowCount = vectors.length / dim;
  const mean = new Float64Array(dim);
  for (let place = 0; place < vectors.length; place++) mean[place % dim] += vectors[place] / rowCount;
  const components: Float64Array[] = [];
  const scores = new Float32Array(rowCount * componentCount);
  for (let number = 0; number < componentCount; number++) {
    let direction = orthonormal(Float64Array.from({ length: dim }, (_, axis) => Math.sin(axis * 12.9898 + number * 78.233) + 0.1), components);
    for (let round = 0; round < roundCount; round++) direction = orthonormal(covarianceTimes(vectors, mean, direction), components);
    components.push(direction);
    for (let row = 0; row < rowCount; row++) scores[row * componentCount + number] = dot(vectors, row * dim, mean, direction);
  }
  return scores;
}

function dot(vectors: Float32Array, begin: number, mean: Float64Array, direction: Float64Array): number {
  let sum = 0;
  for (let axis = 0; axis < direction.length; axis++) sum += (vectors[begin + axis] - mean[axis]) * direction[axis];
  return sum;
}

function covarianceTimes(vectors: Float32Array, mean: Float64Array, direction: Float64Array): Float64Array {
  const dim = direction.length;
  const product = new Float64Array(dim);
  for (let begin = 0; begin < vectors.length; begin += dim) {
    const share = dot(vectors, begin, mean, direction);
    for (let axis = 0; axis < dim; axis++) product[axis] += share * (vectors[begin + axis] - mean[axis]);
  }
  return product;
}

function orthonormal(vector: Float64Array, others: readonly Float64Array[]): Float64Array {
  for (const other of others) {
    const share = vector.reduce((sum, value, axis) => sum + value * other[axis], 0);
    vector = vector.map((value, axis) => value - share * other[axis]);
  }
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length > 0 ? vector.map((value) => value / length) : vector;
}
