// Strokes as pixels, in the look of Omniglot: the twin of ../raster.py, to the last bit.

export const SIZE = 28;
const BOX = 18; // pixels: the longest side of a drawing's box
const LEAST = 0.2; // of the canvas: a dot is not blown up
const FULL = 0.2, NONE = 1.2; // pixels from the pen's path: where ink is full, and none

// Strokes on a canvas from 0 to 1, lists of [x, y], as pixels: centred, and scaled.
export function normalised(strokes) {
  const points = strokes.flat();
  if (!points.length) return [];
  let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
  for (const [x, y] of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  const scale = BOX / Math.max(right - left, bottom - top, LEAST);
  const x0 = (left + right) / 2, y0 = (top + bottom) / 2, half = SIZE / 2;
  return strokes.map((stroke) =>
    stroke.map(([x, y]) => [(x - x0) * scale + half, (y - y0) * scale + half]));
}

// A drawing as an image of 28 × 28, ink 1, paper 0.
export function ink(strokes) {
  const pixels = new Float64Array(SIZE * SIZE);
  for (const stroke of normalised(strokes)) {
    const count = Math.max(stroke.length - 1, 1);
    for (let i = 0; i < count; i++) {
      line(pixels, stroke[i], stroke[Math.min(i + 1, stroke.length - 1)]);
    }
  }
  return Float32Array.from(pixels);
}

function line(pixels, [ax, ay], [bx, by]) {
  const dx = bx - ax, dy = by - ay, length = dx * dx + dy * dy;
  for (let row = 0; row < SIZE; row++) {
    const y = row + 0.5;
    for (let column = 0; column < SIZE; column++) {
      const x = column + 0.5;
      const along = (x - ax) * dx + (y - ay) * dy;
      const t = length > 0 ? Math.min(Math.max(along / length, 0), 1) : 0;
      const ex = x - (ax + t * dx), ey = y - (ay + t * dy);
      const distance = Math.sqrt(ex * ex + ey * ey);
      const value = Math.min((NONE - distance) / (NONE - FULL), 1);
      const at = row * SIZE + column;
      if (value > pixels[at]) pixels[at] = value;
    }
  }
}
