// What the lanes of a workgroup share while they reduce: a word, and its place, of each.

var<workgroup> lane_words: array<u32, 256>;

var<workgroup> lane_places: array<u32, 256>;

var<workgroup> lane_sums: array<vec4<f32>, 256>;

fn sums_of_lanes(lane: u32, x: vec4<f32>) -> vec4<f32> {  // by sixteens, for lane 0
  lane_sums[lane] = x;
  workgroupBarrier();
  var sum = x;
  if (lane < 16u) {
    for (var at = lane + 16u; at < 256u; at = at + 16u) { sum = sum + lane_sums[at]; }
    lane_sums[lane] = sum;
  }
  workgroupBarrier();
  if (lane == 0u) { for (var at = 1u; at < 16u; at = at + 1u) { sum = sum + lane_sums[at]; } }
  workgroupBarrier();
  return sum;
}
