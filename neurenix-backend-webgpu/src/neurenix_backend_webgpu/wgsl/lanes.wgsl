// What the lanes of a workgroup share while they reduce: a word, and its place, of each.

var<workgroup> lane_words: array<u32, 256>;

var<workgroup> lane_places: array<u32, 256>;

var<workgroup> lane_sums: array<f32, 256>;

fn sum_of_lanes(lane: u32, x: f32) -> f32 {  // by a fixed tree
  lane_sums[lane] = x;
  workgroupBarrier();
  for (var width = 128u; width > 0u; width = width >> 1u) {
    if (lane < width) { lane_sums[lane] = lane_sums[lane] + lane_sums[lane + width]; }
    workgroupBarrier();
  }
  let sum = lane_sums[0];
  workgroupBarrier();
  return sum;
}
